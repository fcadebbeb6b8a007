"""Pebble's companion DNS server: any name, no zones, records set through its management address."""

import json
import secrets
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from engine.sandbox.ports import free_port
from tests.servers import programs
from tests.servers.process import Process, accepts, running


@dataclass(frozen=True, slots=True)
class Challtestsrv:
    """A running server: `address` (`host:port`) answers DNS, `management_url` takes records."""

    process: Process
    address: str
    management_url: str

    def add_txt(self, name: str, value: str) -> None:
        """Add one TXT value."""
        self._post("/set-txt", {"host": f"{name}.", "value": value})

    def clear_txt(self, name: str) -> None:
        """Remove every TXT value of `name`."""
        self._post("/clear-txt", {"host": f"{name}."})

    def _post(self, path: str, body: dict[str, str]) -> None:
        request = urllib.request.Request(self.management_url + path, data=json.dumps(body).encode())  # noqa: S310
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=5):
            pass


@contextmanager
def challtestsrv(folder: Path) -> Iterator[Challtestsrv]:
    """Run it on free loopback ports, DNS (UDP and TCP) and management only."""
    where = folder / f"challtestsrv-{secrets.token_hex(3)}"
    where.mkdir(parents=True)
    dns, management = free_port(), free_port()
    command: list[str | Path] = [
        programs.challtestsrv(),
        *("-http01", "", "-https01", "", "-doh", "", "-tlsalpn01", ""),
        *("-dnsserver", f"127.0.0.1:{dns}", "-management", f"127.0.0.1:{management}"),
    ]
    with running("challtestsrv", command, folder=where) as process:
        process.wait_until(lambda: accepts("127.0.0.1", dns) and accepts("127.0.0.1", management))
        yield Challtestsrv(process, f"127.0.0.1:{dns}", f"http://127.0.0.1:{management}")

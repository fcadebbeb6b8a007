"""PowerDNS as the authoritative server of a few zones that its HTTP API changes."""

import json
import secrets
import shutil
import sqlite3
import tempfile
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dns.message
import dns.query
import dns.rdatatype
from dns.rdtypes.ANY.TXT import TXT

from engine.sandbox.ports import free_port
from tests.servers.install import powerdns as backend
from tests.servers.process import accepts, running

SETTINGS = """
launch=gsqlite3
gsqlite3-database={folder}/zones.db
gsqlite3-pragma-synchronous=0
module-dir={modules}
config-dir={folder}
socket-dir={sockets}
local-address={host}
local-port={port}
api=yes
api-key={key}
webserver=yes
webserver-address={host}
webserver-port={web}
webserver-allow-from={host}/32
cache-ttl=0
query-cache-ttl=0
negquery-cache-ttl=0
zone-cache-refresh-interval=0
daemon=no
guardian=no
"""
TTL = 1


@dataclass(slots=True)
class PowerDns:
    """A running server. `address` is `host:port` of its DNS, `api` the URL that credentials take."""

    folder: Path
    sockets: Path
    host: str
    port: int
    web: int
    zones: tuple[str, ...]
    key: str = field(default="", repr=False)
    running: ExitStack = field(default_factory=ExitStack)

    @property
    def address(self) -> str:
        """`host:port` where it answers DNS."""
        return f"{self.host}:{self.port}"

    @property
    def api(self) -> str:
        """The URL of its API, as lego and tic take it."""
        return f"http://{self.host}:{self.web}"

    def txt(self, name: str) -> list[str]:
        """The TXT values that the server answers for `name`, sorted; empty where there are none."""
        answer = dns.query.tcp(dns.message.make_query(name, "TXT"), self.host, port=self.port, timeout=5)
        return sorted(
            b"".join(value.strings).decode()
            for rrset in answer.answer
            if rrset.rdtype == dns.rdatatype.TXT
            for value in rrset
            if isinstance(value, TXT)
        )

    def everything(self) -> dict[tuple[str, str], dict[str, Any]]:
        """Every record set of every zone but its SOA: (name, type) -> ttl, comments, and its sorted values
        with whether each is disabled.
        """
        found = {}
        for zone in self.zones:
            for each in self.call("GET", f"zones/{zone}.")["rrsets"]:
                if each["type"] != "SOA":
                    values = sorted((one["content"], one["disabled"]) for one in each["records"])
                    said = [one["content"] for one in each["comments"]]
                    found[each["name"], each["type"]] = {
                        "ttl": each["ttl"],
                        "comments": said,
                        "values": values,
                    }
        return found

    def every_txt(self) -> dict[str, list[str]]:
        """Every TXT record of every zone, by full name without the final dot."""
        return {
            name.rstrip("."): [content.strip('"') for content, _disabled in about["values"]]
            for (name, kind), about in sorted(self.everything().items())
            if kind == "TXT"
        }

    def put(self, zone: str, name: str, kind: str, *contents: str, ttl: int = TTL, comment: str = "") -> None:
        """Let the record set be these values alone, as somebody else would."""
        rrset: dict[str, Any] = {"name": f"{name}.", "type": kind, "changetype": "REPLACE", "ttl": ttl}
        rrset["records"] = [{"content": content, "disabled": False} for content in contents]
        if comment:
            rrset["comments"] = [{"content": comment, "account": "somebody"}]
        self.call("PATCH", f"zones/{zone}.", {"rrsets": [rrset]})

    def call(self, method: str, path: str, content: object = None) -> Any:
        """One request to the API below `/api/v1/servers/localhost/`; what it answers, as JSON."""
        request = urllib.request.Request(  # noqa: S310 - a server of this test
            f"{self.api}/api/v1/servers/localhost/{path}",
            data=None if content is None else json.dumps(content).encode(),
            headers={"X-API-Key": self.key, "Content-Type": "application/json"},
            method=method,
        )
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
            text = answer.read()
        return json.loads(text) if text else None

    def start(self) -> None:
        """Start it, or start it again; its API then takes another key than before."""
        self.running.close()
        found, self.key = backend(), secrets.token_urlsafe(24)
        settings = SETTINGS.format(
            folder=self.folder,
            sockets=self.sockets,
            modules=found.path.parent,
            host=self.host,
            port=self.port,
            web=self.web,
            key=self.key,
        )
        configuration = self.folder / "pdns.conf"
        configuration.touch(mode=0o600)
        configuration.write_text(settings)
        command: list[str | Path] = [_root() / "usr/sbin/pdns_server", f"--config-dir={self.folder}"]
        process = self.running.enter_context(
            running("pdns", command, folder=self.folder, environment=found.environment())
        )
        process.wait_until(lambda: accepts(self.host, self.web) and accepts(self.host, self.port))


@contextmanager
def powerdns(folder: Path, zones: Sequence[str], *, host: str = "127.0.0.1") -> Iterator[PowerDns]:
    """Run `pdns_server` for `zones` on free ports of a loopback address, its files under `folder`."""
    where = folder / f"pdns-{secrets.token_hex(3)}"
    where.mkdir(parents=True)
    schema = _root() / "usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql"
    with closing(sqlite3.connect(where / "zones.db")) as database:
        database.executescript(schema.read_text())
    sockets = Path(tempfile.mkdtemp(prefix="pdns-"))  # short, as the names of sockets must be
    server = PowerDns(where, sockets, host, free_port(host), free_port(host), tuple(zones))
    try:
        server.start()
        for zone in zones:
            server.call(
                "POST", "zones", {"name": f"{zone}.", "kind": "Native", "nameservers": [f"ns1.{zone}."]}
            )
            server.put(zone, f"ns1.{zone}", "A", host)
        yield server
    finally:
        server.running.close()
        shutil.rmtree(sockets)


def _root() -> Path:
    """Where the packages are unpacked, or `/`."""
    return backend().path.parents[4]

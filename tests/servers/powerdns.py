"""PowerDNS as the authoritative server of a few zones that its HTTP API changes."""

import json
import secrets
import shutil
import sqlite3
import tempfile
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dns.message
import dns.query
import dns.rdatatype
from dns.rdtypes.ANY.TXT import TXT

from engine.sandbox.ports import free_port
from tests.servers.install import powerdns as backend
from tests.servers.process import Process, accepts, running

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


@dataclass(frozen=True, slots=True)
class PowerDns:
    """A running server. `address` is `host:port` of its DNS, `api` the URL that credentials take."""

    process: Process
    host: str
    port: int
    web: int
    key: str = field(repr=False)
    zones: tuple[str, ...]

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


@contextmanager
def powerdns(folder: Path, zones: Sequence[str], *, host: str = "127.0.0.1") -> Iterator[PowerDns]:
    """Run `pdns_server` for `zones` on free ports of a loopback address, its files under `folder`."""
    where = folder / f"pdns-{secrets.token_hex(3)}"
    where.mkdir(parents=True)
    found = backend()
    root = found.path.parents[4]
    schema = root / "usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql"
    with closing(sqlite3.connect(where / "zones.db")) as database:
        database.executescript(schema.read_text())
    sockets = tempfile.mkdtemp(prefix="pdns-")  # short, as the names of sockets must be
    port, web, key = free_port(host), free_port(host), secrets.token_urlsafe(24)
    configuration = where / "pdns.conf"
    configuration.touch(mode=0o600)
    configuration.write_text(
        SETTINGS.format(
            folder=where, sockets=sockets, modules=found.path.parent, host=host, port=port, web=web, key=key
        )
    )
    command: list[str | Path] = [root / "usr/sbin/pdns_server", f"--config-dir={where}"]
    with running("pdns", command, folder=where, environment=found.environment()) as process:
        process.wait_until(lambda: accepts(host, web) and accepts(host, port))
        server = PowerDns(process, host, port, web, key, tuple(zones))
        for zone in zones:
            server.call(
                "POST", "zones", {"name": f"{zone}.", "kind": "Native", "nameservers": [f"ns1.{zone}."]}
            )
            server.put(zone, f"ns1.{zone}", "A", host)
        try:
            yield server
        finally:
            shutil.rmtree(sockets)

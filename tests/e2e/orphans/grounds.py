"""Where records are published while processes are killed: a name server with somebody else's records in it.

`everything` is all that the server has but the SOA: the proof is that it is the same after as before.
"""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import dns.name
import dns.query
import dns.rdatatype
import dns.zone

from stacks.dns.record import record_name
from tests.servers.bind import Bind, TsigKey, Zone, bind
from tests.servers.powerdns import PowerDns, powerdns
from tests.stacks.dns.provider_programs import program

DOMAIN = "example.test"
NAME = record_name(DOMAIN)
THEIRS = "somebody-elses"
FOREIGN = f"""_acme-challenge 77 IN TXT "{THEIRS}"
_acme-challenge.www 77 IN TXT "{THEIRS}"
beside 77 IN TXT "{THEIRS}"
www 77 IN A 192.0.2.1
"""
UPDATING = """#!{python} -I
import sys
import dns.query, dns.tsigkeyring, dns.update
action, name, value = sys.argv[1:]
update = dns.update.UpdateMessage({domain!r})
update.use_tsig(dns.tsigkeyring.from_text({{{key!r}: ("hmac-sha256.", {secret!r})}}))
if action == "present":
    update.add(name, 77, "TXT", value)
else:
    update.delete(name, "TXT", value)
answer = dns.query.tcp(update, {host!r}, port={port}, timeout=5)
sys.exit(answer.rcode())
"""


class Ground(Protocol):
    """A name server, and the credential of the kind that publishes there."""

    kind: str

    @property
    def address(self) -> str:
        """`host:port` of its DNS."""

    def fields(self) -> dict[str, str]:
        """The credential as it has to be now."""

    def rotate(self) -> None:
        """From now on the server takes another secret, and the former one no more."""

    def everything(self) -> object:
        """All records but the SOA, with their TTLs."""

    def values(self) -> set[str]:
        """The TXT values that are not somebody else's, at the challenge's name."""


@dataclass
class Updates:
    """BIND, by dynamic updates (RFC 2136)."""

    server: Bind
    key: TsigKey
    kind: str = "rfc2136"

    @property
    def address(self) -> str:
        return self.server.address

    def fields(self) -> dict[str, str]:
        return {
            "nameserver": self.server.address,
            "tsig-key": self.key.name,
            "tsig-secret": self.key.secret,
        }

    def rotate(self) -> None:
        self.key = TsigKey()
        self.server.accept(self.key)

    def everything(self) -> object:
        content = dns.zone.Zone(dns.name.from_text(DOMAIN))
        dns.query.inbound_xfr(self.server.host, content, port=self.server.port, timeout=5)
        found = content.iterate_rdatas()
        return sorted(
            (str(name), ttl, str(each)) for name, ttl, each in found if each.rdtype != dns.rdatatype.SOA
        )

    def values(self) -> set[str]:
        return set(self.server.txt(NAME)) - {THEIRS}


@dataclass
class Programs(Updates):
    """BIND, by a program that lego's worker runs: worker, lego and program are processes of their own."""

    folder: Path = Path()
    kind: str = "exec"

    def fields(self) -> dict[str, str]:
        text = UPDATING.format(
            python=sys.executable,
            domain=DOMAIN,
            key=self.key.name,
            secret=self.key.secret,
            host=self.server.host,
            port=self.server.port,
        )
        return {"path": str(program(self.folder / "update", text))}


@dataclass
class Api:
    """PowerDNS, by its HTTP API."""

    server: PowerDns
    kind: str = "pdns"

    @property
    def address(self) -> str:
        return self.server.address

    def fields(self) -> dict[str, str]:
        return {"api-key": self.server.key, "api-url": self.server.api}

    def rotate(self) -> None:
        self.server.start()

    def everything(self) -> object:
        return self.server.everything()

    def values(self) -> set[str]:
        return set(self.server.txt(NAME)) - {THEIRS}


@contextmanager
def ground(kind: str, folder: Path) -> Iterator[Ground]:
    """A server of its own with the records of somebody else."""
    if kind == "pdns":
        with powerdns(folder, [DOMAIN]) as server:
            for name in (NAME, f"_acme-challenge.www.{DOMAIN}", f"beside.{DOMAIN}"):
                server.put(DOMAIN, name, "TXT", f'"{THEIRS}"', ttl=77, comment="not tic's")
            server.put(DOMAIN, f"www.{DOMAIN}", "A", "192.0.2.1", ttl=77)
            yield Api(server)
        return
    key = TsigKey()
    with bind(folder, [Zone(DOMAIN, key, FOREIGN)]) as named:
        yield Updates(named, key) if kind == "rfc2136" else Programs(named, key, folder=folder)


def secret_fields(at: Ground) -> str:
    """What `--secrets-from -` takes."""
    names = {"tsig-secret", "api-key"}
    return json.dumps({name: value for name, value in at.fields().items() if name in names})


@dataclass
class Counts:
    """What a proof counted."""

    kills: dict[str, int] = field(default_factory=dict)
    recovered: int = 0
    rotations: int = 0
    orphans: int = 0
    touched: int = 0

    def killed(self, victim: str) -> None:
        self.kills[victim] = self.kills.get(victim, 0) + 1

    def hold(self, at: Ground, before: Any) -> None:
        """Count what is not as it was."""
        left = at.values()
        self.orphans += len(left)
        self.touched += at.everything() != before and not left

    def __str__(self) -> str:
        return (
            f"{sum(self.kills.values())} kills {self.kills}, {self.rotations} rotations, "
            f"{self.recovered} records withdrawn after a kill, {self.orphans} orphans, "
            f"{self.touched} times a foreign record was touched"
        )

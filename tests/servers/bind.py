"""BIND 9 as the authoritative server of a few dynamic zones (RFC 2136), with or without TSIG."""

import base64
import os
import secrets
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdata
import dns.rdatatype
import dns.tsigkeyring
import dns.update
import dns.zone
from dns.rdtypes.ANY.TXT import TXT

from engine.sandbox.ports import free_port
from tests.servers.install import named
from tests.servers.process import Process, running

OPTIONS = """
options {{
    directory "{folder}";
    pid-file "{folder}/named.pid";
    session-keyfile none;
    listen-on port {port} {{ {host}; }};
    listen-on-v6 {{ none; }};
    recursion no;
    dnssec-validation no;
    notify no;
    allow-transfer {{ {host}; }};
}};
controls {{ }};
"""
KEY = 'key "{0.name}" {{ algorithm {0.algorithm}; secret "{0.secret}"; }};\n'
ZONE = 'zone "{name}" {{ type primary; file "{folder}/{name}.zone"; allow-update {{ {who} }}; }};\n'
CONTENT = """$TTL 1
@ IN SOA ns1 hostmaster 1 3600 600 86400 1
@ IN NS ns1
ns1 IN A {host}
{records}
"""


def _random_secret() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()


@dataclass(frozen=True, slots=True)
class TsigKey:
    """A TSIG key; `secret` is base64 and random, `algorithm` is written without the final dot."""

    name: str = "tic-test"
    algorithm: str = "hmac-sha256"
    secret: str = field(default_factory=_random_secret, repr=False)


@dataclass(frozen=True, slots=True)
class Zone:
    """A zone by its name without the final dot; without a key, anyone at the server's address may update it.

    `records` are further lines of its zone file, for example `_acme-challenge IN CNAME x.other.test.`
    """

    name: str
    key: TsigKey | None = None
    records: str = ""


@dataclass(frozen=True, slots=True)
class Bind:
    """A running server. `address` is `host:port`, as nameserver settings take it."""

    process: Process
    host: str
    port: int
    zones: tuple[Zone, ...]

    @property
    def address(self) -> str:
        """`host:port`."""
        return f"{self.host}:{self.port}"

    def txt(self, name: str) -> list[str]:
        """The TXT values that the server answers for `name`, sorted; empty where there are none."""
        query = dns.message.make_query(name, dns.rdatatype.TXT)
        answer = dns.query.tcp(query, self.host, port=self.port, timeout=5)
        return sorted(
            _text(value) for rrset in answer.answer if rrset.rdtype == dns.rdatatype.TXT for value in rrset
        )

    def every_txt(self) -> dict[str, list[str]]:
        """Every TXT record of every zone, by full name without the final dot, read by zone transfer."""
        found: dict[str, list[str]] = {}
        for zone in self.zones:
            origin = dns.name.from_text(zone.name)
            content = dns.zone.Zone(origin)
            dns.query.inbound_xfr(self.host, content, port=self.port, timeout=5)
            for name, _ttl, value in content.iterate_rdatas(dns.rdatatype.TXT):
                full = name.derelativize(origin).to_text(omit_final_dot=True)
                found.setdefault(full, []).append(_text(value))
        return {name: sorted(values) for name, values in sorted(found.items())}

    def add_txt(self, name: str, value: str) -> None:
        """Add one TXT value by a dynamic update with the zone's own key."""
        zone = self._zone_of(name)
        update = dns.update.UpdateMessage(zone.name)
        if zone.key:
            keyring = dns.tsigkeyring.from_text({zone.key.name: (f"{zone.key.algorithm}.", zone.key.secret)})
            update.use_tsig(keyring, algorithm=dns.name.from_text(zone.key.algorithm))
        update.add(f"{name}.", 1, "TXT", f'"{value}"')
        answer = dns.query.tcp(update, self.host, port=self.port, timeout=5)
        assert answer.rcode() == dns.rcode.NOERROR, dns.rcode.to_text(answer.rcode())

    def accept(self, *keys: TsigKey) -> None:
        """From now on take updates with these keys and no others, in the zones that have a key."""
        folder, reloaded = self.process.log.parent, "reloading configuration succeeded"
        before = self.process.log.read_text().count(reloaded)
        _configure(folder, self.host, self.port, self.zones, keys)
        os.kill(int((folder / "named.pid").read_text()), signal.SIGHUP)
        self.process.wait_until(lambda: self.process.log.read_text().count(reloaded) > before)

    def _zone_of(self, name: str) -> Zone:
        return max((z for z in self.zones if f".{name}".endswith(f".{z.name}")), key=lambda z: len(z.name))


def _text(value: dns.rdata.Rdata) -> str:
    assert isinstance(value, TXT)
    return b"".join(value.strings).decode()


def _configure(folder: Path, host: str, port: int, zones: Sequence[Zone], keys: Sequence[TsigKey]) -> Path:
    """Write the configuration; zones with a key take updates with any of `keys`, by default with theirs."""
    known = {key.name: key for key in keys or [zone.key for zone in zones if zone.key]}
    lines = [OPTIONS.format(folder=folder, host=host, port=port), *map(KEY.format, known.values())]
    for zone in zones:
        allowed = [key.name for key in keys] or ([zone.key.name] if zone.key else [])
        who = " ".join(f'key "{name}";' for name in allowed) if zone.key else f"{host};"
        lines.append(ZONE.format(name=zone.name, folder=folder, who=who))
    configuration = folder / "named.conf"
    configuration.write_text("".join(lines))
    configuration.chmod(0o600)
    return configuration


@contextmanager
def bind(
    folder: Path, zones: Sequence[Zone], *, host: str = "127.0.0.1", port: int | None = None
) -> Iterator[Bind]:
    """Run `named` for `zones` on a free port of a loopback address, its files under `folder`."""
    where = folder / f"named-{host}-{secrets.token_hex(3)}"
    where.mkdir(parents=True)
    port = port or free_port(host)
    for zone in zones:
        (where / f"{zone.name}.zone").write_text(CONTENT.format(host=host, records=zone.records))
    configuration = _configure(where, host, port, zones, ())
    program = named()
    command: list[str | Path] = [program.path, "-g", "-n", "1", "-c", configuration]
    with running("named", command, folder=where, environment=program.environment()) as process:
        process.wait_until(lambda: " running\n" in process.log.read_text())
        yield Bind(process, host, port, tuple(zones))

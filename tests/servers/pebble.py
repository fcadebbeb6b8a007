"""Pebble with real validation: an ACME server whose every setting that a test needs is an argument."""

import json
import secrets
import ssl
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from engine.sandbox import certificates
from engine.sandbox.ports import free_port
from tests.servers import programs
from tests.servers.process import Process, accepts, running

PROFILES = {
    "default": {"description": "90 days", "validityPeriod": 90 * 86400},
    "shortlived": {"description": "6 days", "validityPeriod": 6 * 86400},
}


@dataclass(frozen=True, slots=True)
class Pebble:
    """A running CA. `ca_file` holds the root of its own TLS certificate, not of what it issues."""

    process: Process
    directory_url: str
    management_url: str
    ca_file: Path

    @property
    def log(self) -> str:
        """What it has written so far."""
        return self.process.log.read_text()

    def issuing_root(self) -> str:
        """The root (PEM) under which this process issues; a new one at each start."""
        return self._managed("/roots/0")

    def issuing_intermediate(self) -> str:
        """The intermediate (PEM) that signs its certificates."""
        return self._managed("/intermediates/0")

    def status(self, serial: int) -> str:
        """What it says of a certificate of its own: `Valid` or `Revoked`."""
        answer = json.loads(self._managed(f"/cert-status-by-serial/{serial:x}"))
        return str(answer["Status"])

    def _managed(self, path: str) -> str:
        trust = ssl.create_default_context(cafile=self.ca_file)
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=trust)
        )
        with opener.open(self.management_url + path, timeout=5) as answer:
            return bytes(answer.read()).decode()


@contextmanager
def pebble(
    folder: Path,
    *,
    dns: str,
    reject_nonces: int = 5,
    reuse_authorizations: int = 50,
    eab_keys: Mapping[str, str] | None = None,
    blocked: tuple[str, ...] = (),
    profiles: Mapping[str, Mapping[str, object]] = PROFILES,
    key_algorithm: str = "ecdsa",
    alternate_roots: int = 0,
    retry_after: int = 1,
    port: int | None = None,
    tls_expired: bool = False,
    ocsp: str | None = None,
) -> Iterator[Pebble]:
    """Run Pebble under `folder`; it validates by asking the DNS server at `dns` (`host:port`).

    `reject_nonces` and `reuse_authorizations` are percentages, Pebble's own defaults unless given. `eab_keys`
    (key id -> base64url HMAC key) makes external account binding a duty. `retry_after` (seconds) is what it
    asks clients to wait between polls. `tls_expired`: its directory's root and certificate have expired.
    `ocsp` is the responder that its certificates name.
    """
    where = folder / f"pebble-{secrets.token_hex(3)}"
    where.mkdir(parents=True)
    now = datetime.now(UTC)
    tls = certificates.make(
        where, now=now - timedelta(days=3) if tls_expired else now, lifetime=timedelta(days=1)
    )
    port, management_port = port or free_port(), free_port()
    settings = {
        "listenAddress": f"127.0.0.1:{port}",
        "managementListenAddress": f"127.0.0.1:{management_port}",
        "certificate": str(tls.certificate),
        "privateKey": str(tls.key),
        "httpPort": free_port(),
        "tlsPort": free_port(),
        "externalAccountBindingRequired": bool(eab_keys),
        "externalAccountMACKeys": dict(eab_keys or {}),
        "domainBlocklist": list(blocked),
        "retryAfter": {"authz": retry_after, "order": retry_after},
        "keyAlgorithm": key_algorithm,
        "ocspResponderURL": ocsp or "",
        "profiles": {name: dict(profile) for name, profile in profiles.items()},
    }
    configuration = where / "pebble.json"
    configuration.write_text(json.dumps({"pebble": settings}))
    environment = {
        "PEBBLE_VA_NOSLEEP": "1",
        "PEBBLE_WFE_NONCEREJECT": str(reject_nonces),
        "PEBBLE_AUTHZREUSE": str(reuse_authorizations),
        "PEBBLE_ALTERNATE_ROOTS": str(alternate_roots),
    }
    command: list[str | Path] = [programs.pebble(), "-config", configuration, "-dnsserver", dns]
    with running("pebble", command, folder=where, environment=environment) as process:
        process.wait_until(lambda: accepts("127.0.0.1", port) and accepts("127.0.0.1", management_port))
        yield Pebble(
            process,
            f"https://localhost:{port}/dir",
            f"https://localhost:{management_port}",
            tls.ca,
        )

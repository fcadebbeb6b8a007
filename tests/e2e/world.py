"""A vault with one rfc2136 credential, a real BIND and a real Pebble: what most ways through the system
need.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.command import Result, Tic, setting
from tests.servers.bind import Bind, TsigKey
from tests.servers.pebble import Pebble

DOMAINS = ("example.test", "*.example.test")


@dataclass(frozen=True, slots=True)
class World:
    """`tic` is run in `folder`, certificates are deployed to `deployed`."""

    tic: Tic
    bind: Bind
    pebble: Pebble
    key: TsigKey
    folder: Path

    @property
    def deployed(self) -> Path:
        """Where the stack's certificate goes."""
        return self.folder / "deployed"

    def new_credential(
        self, name: str = "dns", *, server: str | None = None, secret: str | None = None
    ) -> Result:
        """Put the TSIG key (or a wrong one) into the vault."""
        secrets = json.dumps({"tsig-secret": secret or self.key.secret})
        public = {
            "nameserver": server or self.bind.address,
            "tsig-key": self.key.name,
            "tsig-algorithm": self.key.algorithm,
        }
        fields = [word for name, value in public.items() for word in ("--field", f"{name}={value}")]
        return self.tic(
            "creds", "new", name, "--provider", "rfc2136", *fields, "--secrets-from", "-", stdin=secrets
        )

    def new_stack(
        self,
        name: str = "site",
        *,
        domains: Sequence[str] = DOMAINS,
        directory: str | None = None,
        ca_file: Path | None = None,
    ) -> Result:
        """A stack of the certificate template for these names."""
        return self.tic(
            "stack", "new", name, "--template", "certificate",
            *setting("domains", domains),
            *setting("directory", directory or self.pebble.directory_url),
            *setting("caFile", str(ca_file or self.pebble.ca_file)),
            *setting("nameservers", [self.bind.address]),
            *setting("deployDirectory", str(self.deployed)),
        )  # fmt: skip

    def outputs(self, name: str = "site") -> dict[str, object]:
        """What the stack exports, secrets left out."""
        outputs = self.tic("stack", "outputs", name, "--json").json()
        assert isinstance(outputs, dict)
        return outputs


@contextmanager
def world(folder: Path, bind: Bind, pebble: Pebble, key: TsigKey) -> Iterator[World]:
    """A fresh home with a vault, in `folder`."""
    work = folder / "work"
    work.mkdir()
    tic = Tic(folder / "home", work)
    tic("vault", "init")
    yield World(tic, bind, pebble, key, work)

"""A certificate that may come from two CAs: the second one saves it while the first is gone (E1)."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest

from tests.e2e.command import Tic
from tests.servers.bind import Bind, TsigKey
from tests.servers.pebble import Pebble, pebble
from tests.stacks.provider.relay import relay

pytestmark = pytest.mark.server

PROGRAM = """
from pathlib import Path

import pulumi
from stacks.deployments import Directory
from stacks.resources import IssuedCertificate

site = IssuedCertificate(
    "site",
    directory_url={first!r},
    ca_certificates=Path({first_roots!r}).read_text(),
    email="ops@example.test",
    domains=["example.test"],
    nameservers=[{nameserver!r}],
    fallbacks=[
        {{
            "directory_url": {second!r},
            "ca_certificates": Path({second_roots!r}).read_text(),
            "profile": "shortlived",
        }},
    ],
)
Directory(
    "files",
    path={deployed!r},
    certificate_pem=site.certificate_pem,
    chain_pem=site.chain_pem,
    private_key_pem=site.private_key_pem,
)
"""


@dataclass(slots=True)
class Site:
    """The stack `shop/dev`; its first CA is behind a relay, which can be closed."""

    tic: Tic
    first: Pebble
    second: Pebble
    port: int
    way: ExitStack

    @property
    def first_directory(self) -> str:
        """The first CA's directory, through the relay."""
        parts = urlsplit(self.first.directory_url)
        return urlunsplit(parts._replace(netloc=f"localhost:{self.port}"))

    def open(self) -> None:
        """The first CA is there."""
        made = self.way.enter_context(relay(urlsplit(self.first.directory_url).port or 0, self.port))
        self.port = made.port

    def close(self) -> None:
        """The first CA is gone."""
        self.way.close()

    def certificate(self) -> dict[str, Any]:
        """As `tic cert list` has it."""
        (one,) = self.tic("cert", "list", "--json").json()
        assert isinstance(one, dict)
        return one


@pytest.fixture
def site(tmp_path: Path, own_bind: Bind, own_pebble: Pebble, tsig_key: TsigKey) -> Iterator[Site]:
    folder = tmp_path / "shop"
    folder.mkdir()
    tic = Tic(tmp_path / "home", folder)
    tic("vault", "init")
    public = {"nameserver": own_bind.address, "tsig-key": tsig_key.name, "tsig-algorithm": tsig_key.algorithm}
    fields = [word for name, value in public.items() for word in ("--field", f"{name}={value}")]
    secrets = json.dumps({"tsig-secret": tsig_key.secret})
    tic("creds", "new", "dns", "--provider", "rfc2136", *fields, "--secrets-from", "-", stdin=secrets)
    with ExitStack() as way, pebble(tmp_path, dns=own_bind.address) as second:
        made = Site(tic, own_pebble, second, 0, way)
        made.open()
        (folder / "Pulumi.yaml").write_text("name: shop\nruntime: python\n")
        program = PROGRAM.format(
            first=made.first_directory,
            first_roots=str(own_pebble.ca_file),
            second=second.directory_url,
            second_roots=str(second.ca_file),
            nameserver=own_bind.address,
            deployed=str(tmp_path / "deployed"),
        )
        (folder / "__main__.py").write_text(program)
        tic("stack", "new", "dev", "--provider", "rfc2136")
        tic("stack", "up", "shop/dev")
        yield made


def test_the_next_ca_saves_what_can_not_wait_and_the_first_one_has_the_renewal_after(site: Site) -> None:
    """What is revoked can't wait for a CA that is gone, nor what is in the last sixth of its lifetime."""
    accounts = {each["id"] for each in _accounts(site)}
    assert len(accounts) == 2  # what is wrong with the second shows before it is needed

    # One that can wait waits for its own CA.
    site.close()
    said = site.tic("cert", "renew", "site", "--force", code=1)
    assert "can't be reached" in said.err
    site.open()
    site.tic("cert", "renew", "site")
    assert (site.certificate()["directory"], site.certificate()["epoch"]) == (site.first_directory, 2)

    site.tic("cert", "revoke", "site", "--yes")
    site.close()
    said = site.tic("cert", "renew", "--due")
    assert f"it comes from the CA at {urlsplit(site.second.directory_url).netloc}, as the CA at" in said.err
    saved = site.certificate()
    assert (saved["directory"], saved["status"]) == (site.second.directory_url, "valid")
    assert site.second.status(int(str(saved["serial"]), 16)) == "Valid"

    # While it is gone nothing asks for it; the certificate stays with the CA that it came from.
    unchanged = site.tic("stack", "up", "shop/dev")
    assert "created" not in unchanged.err
    assert site.certificate()["serial"] == saved["serial"]

    site.open()
    site.tic("cert", "renew", "site", "--force")
    back = site.certificate()
    assert (back["directory"], back["epoch"]) == (site.first_directory, 4)
    assert site.first.status(int(str(back["serial"]), 16)) == "Valid"
    assert {each["id"] for each in _accounts(site)} == accounts


def _accounts(site: Site) -> list[dict[str, Any]]:
    resources = site.tic("stack", "show", "shop/dev", "--json").json()["resources"]
    return [each for each in resources if each["type"] == "tic:acme/account:Account"]

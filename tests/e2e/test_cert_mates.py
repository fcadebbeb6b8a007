"""Certificates that are renewed in one run: one that fails takes no other along (E1, E2)."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.command import Tic
from tests.servers.bind import Bind, TsigKey
from tests.servers.pebble import Pebble

pytestmark = pytest.mark.server

PROGRAM = """
from pathlib import Path

import pulumi
from stacks.deployments import Directory
from stacks.resources import Account, IssuedCertificate

ca = {{"directory_url": {directory!r}, "ca_certificates": Path({roots!r}).read_text()}}
account = Account("account", **ca)
for name in ("a", "b", "c"):
    made = IssuedCertificate(
        name,
        **ca,
        account_uri=account.account_uri,
        account_key_pem=account.private_key_pem,
        domains=[f"{{name}}.example.test"],
        nameservers=[{nameserver!r}],
        # A profile that the CA does not have is refused when it is ordered.
        profile="no-such" if name == "b" and Path({broken!r}).exists() else None,
    )
    Directory(
        name,
        path=str(Path({deployed!r}) / name),
        certificate_pem=made.certificate_pem,
        chain_pem=made.chain_pem,
        private_key_pem=made.private_key_pem,
    )
"""


@pytest.fixture
def shop(tmp_path: Path, own_bind: Bind, own_pebble: Pebble, tsig_key: TsigKey) -> Tic:
    folder = tmp_path / "shop"
    folder.mkdir()
    tic = Tic(tmp_path / "home", folder)
    tic("vault", "init")
    public = {"nameserver": own_bind.address, "tsig-key": tsig_key.name, "tsig-algorithm": tsig_key.algorithm}
    fields = [word for name, value in public.items() for word in ("--field", f"{name}={value}")]
    secrets = json.dumps({"tsig-secret": tsig_key.secret})
    tic("creds", "new", "dns", "--provider", "rfc2136", *fields, "--secrets-from", "-", stdin=secrets)
    (folder / "Pulumi.yaml").write_text("name: shop\nruntime: python\n")
    program = PROGRAM.format(
        directory=own_pebble.directory_url,
        roots=str(own_pebble.ca_file),
        nameserver=own_bind.address,
        broken=str(tmp_path / "broken"),
        deployed=str(tmp_path / "deployed"),
    )
    (folder / "__main__.py").write_text(program)
    tic("stack", "new", "dev", "--provider", "rfc2136")
    tic("stack", "up", "shop/dev")
    return tic


def certificates(tic: Tic) -> dict[str, dict[str, Any]]:
    return {each["name"]: each for each in tic("cert", "list", "--json").json()}


def test_one_that_fails_leaves_its_mates_renewed_and_deployed(shop: Tic, tmp_path: Path) -> None:
    before = certificates(shop)
    (tmp_path / "broken").touch()
    said = shop("cert", "renew", "a", "b", "c", "--force", code=1)
    after = certificates(shop)
    assert {name: (each["epoch"], each["status"]) for name, each in after.items()} == {
        "a": (2, "valid"),
        "b": (1, "failing"),
        "c": (2, "valid"),
    }
    assert after["b"]["serial"] == before["b"]["serial"]
    assert said.err.count("is renewed: valid until") == 2
    assert said.err.count("was not renewed") == 1
    for name in "abc":
        pem = (tmp_path / "deployed" / name / "cert.pem").read_text()
        assert pem in shop("cert", "export", name).out
    (tmp_path / "broken").unlink()
    shop("cert", "renew", "b")
    assert certificates(shop)["b"]["epoch"] == 2

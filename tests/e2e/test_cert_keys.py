"""Whose key a certificate has, by the template's settings and `tic cert` (E1, E4)."""

from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from tests.e2e.world import DOMAINS, World
from tests.stacks.provider.acme.requests_made import KEY, csr

pytestmark = pytest.mark.server


def leaf(folder: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate((folder / "cert.pem").read_bytes())


def test_the_key_of_a_users_own_request_is_nowhere_in_tic(site: World) -> None:
    """Not in the state, not beside the certificate; the owner's file of that name stays theirs."""
    request = site.folder / "site.csr"
    request.write_text(csr(*DOMAINS))
    site.tic("stack", "config", "set", "csrFile", str(request), "--stack", "site")
    site.deployed.mkdir()
    (site.deployed / "privkey.pem").write_text("the owner's")
    site.tic("stack", "up", "site")
    assert leaf(site.deployed).public_key() == KEY.public_key()
    assert "privateKey" not in site.outputs()
    (one,) = site.tic("cert", "list", "--json").json()
    before = leaf(site.deployed).serial_number
    site.tic("cert", "renew", one["name"], "--force")
    assert leaf(site.deployed).serial_number != before
    assert leaf(site.deployed).public_key() == KEY.public_key()
    assert (site.deployed / "privkey.pem").read_text() == "the owner's"
    exported = site.tic("cert", "export", one["name"], "--to", "out")
    assert {each.name for each in (site.folder / "out").iterdir()} == {
        "cert.pem",
        "chain.pem",
        "fullchain.pem",
    }
    assert "signing request of your own" in exported.err
    site.tic("cert", "revoke", one["name"], "--yes")
    assert site.pebble.status(leaf(site.deployed).serial_number) == "Revoked"

    request.write_text(csr("example.test"))
    refused = site.tic("stack", "up", "site", code=1)
    assert "is not for *.example.test, which `domains` has" in refused.err


def test_a_kept_key_stays_until_its_certificate_is_revoked(site: World) -> None:
    site.tic("stack", "config", "set", "keepKey", "true", "--stack", "site")
    site.tic("stack", "up", "site")
    (one,) = site.tic("cert", "list", "--json").json()
    first, key = leaf(site.deployed), (site.deployed / "privkey.pem").read_bytes()
    site.tic("cert", "renew", one["name"], "--force")
    assert leaf(site.deployed).serial_number != first.serial_number
    assert (site.deployed / "privkey.pem").read_bytes() == key
    site.tic("cert", "revoke", one["name"], "--reason", "keyCompromise", "--yes")
    site.tic("stack", "up", "site")
    after = (site.deployed / "privkey.pem").read_bytes()
    assert after != key
    assert load_pem_private_key(after, None).public_key() == leaf(site.deployed).public_key()

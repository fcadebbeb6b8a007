"""A certificate of a real CA goes through a stack to a real nginx, and so does its renewal (E1, E2, E3)."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.e2e.world import World
from tests.servers.nginx import nginx
from tests.servers.visitors import visited

pytestmark = pytest.mark.server


def test_a_renewal_reaches_who_visits_and_turns_nobody_away(site: World) -> None:
    first = placeholder(site)
    with nginx(site.folder, site.deployed) as web, visited(web.port, "example.test", pause=0.05) as visitors:
        visitors.wait_for(first)
        site.tic("stack", "config", "set", "deployCommand", json.dumps(web.reload))
        place = f"127.0.0.1:{web.port}?sni=example.test"
        site.tic("stack", "config", "set", "endpoints", json.dumps([place]))
        site.tic("stack", "up", "site")
        issued = listed(site)
        visitors.wait_for(issued)
        assert "serves it" in site.tic("cert", "check", "--all").out
        renewed = site.tic("cert", "renew", "certificate", "--force")
        assert "is renewed" in renewed.err
        newer = listed(site)
        assert newer != issued
        visitors.wait_for(newer)
        (found,) = site.tic("cert", "check", "--all", "--json").json()
        assert (found["served"], found["serial"]) == (True, newer)
    assert visitors.failures == []
    assert set(visitors.serials) == {first, issued, newer}
    assert web.reloads == 2


def listed(site: World) -> str:
    (one,) = site.tic("cert", "list", "--json").json()
    return str(one["serial"])


def placeholder(site: World) -> str:
    """A certificate that signs itself, as nginx does not begin without one; its serial."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, "placeholder")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), 0x77)
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    site.deployed.mkdir()
    pem = serialization.Encoding.PEM
    (site.deployed / "fullchain.pem").write_bytes(made.public_bytes(pem))
    (site.deployed / "privkey.pem").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return "77"

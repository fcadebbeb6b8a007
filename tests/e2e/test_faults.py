"""What goes wrong outside tic: each time one clear error, no record left, no half state, and a way on."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.world import World, world
from tests.servers.bind import Bind, TsigKey
from tests.servers.pebble import Pebble, pebble

pytestmark = pytest.mark.server


@pytest.fixture
def site(tmp_path: Path, own_bind: Bind, own_pebble: Pebble, tsig_key: TsigKey) -> Iterator[World]:
    """A vault and two servers; credential and stack are the test's."""
    with world(tmp_path, own_bind, own_pebble, tsig_key) as made:
        yield made


def failed(made: World, *said: str) -> str:
    """Run `up`, which must fail, say each of `said`, and what to do next."""
    result = made.tic("stack", "up", "site", code=1)
    for text in said:
        assert text in result.err, result.err
    assert "next:" in result.err
    assert result.err.count("Error:") <= 1
    return result.err


def recovers(made: World) -> None:
    """The next `up` issues, and nothing is left in DNS."""
    made.tic("stack", "up", "site")
    assert (made.deployed / "privkey.pem").exists()
    assert made.bind.every_txt() == {}


def test_a_wrong_tsig_secret_is_named_and_mended_by_rotation(site: World) -> None:
    """B5."""
    wrong = TsigKey().secret
    site.new_credential(secret=wrong)
    site.new_stack()
    error = failed(site, "BADSIG", "dns")
    assert wrong not in error
    assert site.bind.every_txt() == {}
    site.tic(
        "creds", "rotate", "dns", "--secrets-from", "-", stdin=json.dumps({"tsig-secret": site.key.secret})
    )
    recovers(site)


def test_a_dead_dns_server_is_named(site: World) -> None:
    site.new_credential()
    site.new_stack()
    site.bind.process.kill()
    failed(site, site.bind.address)
    assert not site.deployed.exists()


def test_a_dead_ca_is_named(site: World) -> None:
    site.new_credential()
    site.new_stack()
    site.pebble.process.kill()
    failed(site, site.pebble.directory_url)
    assert site.bind.every_txt() == {}
    assert not site.deployed.exists()


def test_an_expired_root_of_the_ca_is_named(tmp_path: Path, own_bind: Bind, tsig_key: TsigKey) -> None:
    with (
        pebble(tmp_path, dns=own_bind.address, tls_expired=True) as ca,
        world(tmp_path, own_bind, ca, tsig_key) as made,
    ):
        made.new_credential()
        made.new_stack()
        failed(made, ca.directory_url, "expired")


def test_a_root_that_is_not_the_cas_is_named(site: World, tmp_path: Path, own_bind: Bind) -> None:
    with pebble(tmp_path, dns=own_bind.address) as other:
        site.new_credential()
        site.new_stack(ca_file=other.ca_file)
        failed(site, site.pebble.directory_url, "caCertificates")


def test_a_refused_name_leaves_nothing_and_mending_it_goes_on(
    tmp_path: Path, own_bind: Bind, tsig_key: TsigKey
) -> None:
    """The CA's own words reach the user."""
    with (
        pebble(tmp_path, dns=own_bind.address, blocked=("other.test",), reuse_authorizations=0) as ca,
        world(tmp_path, own_bind, ca, tsig_key) as made,
    ):
        made.new_credential()
        made.new_stack(domains=("example.test", "other.test"))
        failed(made, "rejectedIdentifier")
        config = made.folder / "site" / "Pulumi.site.yaml"
        config.write_text(config.read_text().replace("  - other.test\n", ""))
        recovers(made)


def test_an_authorization_that_fails_is_retried_with_a_new_order(
    tmp_path: Path, own_bind: Bind, shared_bind: Bind, tsig_key: TsigKey
) -> None:
    """The CA looks at a server that does not have the record: invalid. Then it looks at the right one."""
    from tests.servers.process import free_port

    port = free_port()
    with (
        pebble(tmp_path, dns=shared_bind.address, port=port) as ca,
        world(tmp_path, own_bind, ca, tsig_key) as made,
    ):
        made.new_credential()
        made.new_stack(domains=("example.test",))
        failed(made, "unauthorized")
        assert own_bind.every_txt() == {}
        failed(made, "unauthorized")  # a new order each time, never stuck on the dead one
        assert own_bind.every_txt() == {}

"""The way through: a credential, a stack, a real certificate from Pebble, which validates through BIND."""

import shutil
import stat
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from tests.e2e.command import setting
from tests.e2e.world import DOMAINS, World, world
from tests.servers.bind import Bind, TsigKey
from tests.servers.pebble import Pebble, pebble

pytestmark = pytest.mark.server


def names(certificate: x509.Certificate) -> set[str]:
    found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return set(found.get_values_for_type(x509.DNSName))


def test_up_issues_apex_and_wildcard_deploys_them_and_leaves_no_record(site: World) -> None:
    """C1, D1, D5, E1, E4."""
    site.tic("stack", "up", "site")
    leaf = x509.load_pem_x509_certificate((site.deployed / "cert.pem").read_bytes())
    key_file = site.deployed / "privkey.pem"
    key = load_pem_private_key(key_file.read_bytes(), None)
    assert names(leaf) == set(DOMAINS)
    assert key.public_key() == leaf.public_key()
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
    issuer = x509.load_pem_x509_certificate(site.pebble.issuing_intermediate().encode())
    leaf.verify_directly_issued_by(issuer)
    fullchain = x509.load_pem_x509_certificates((site.deployed / "fullchain.pem").read_bytes())
    assert fullchain[:2] == [leaf, issuer]
    assert site.bind.every_txt() == {}
    assert site.outputs()["serial"] in (
        format(leaf.serial_number, "x"),
        format(leaf.serial_number, "X"),
        str(leaf.serial_number),
    )


def test_preview_changes_nothing(site: World) -> None:
    """D1. No order at the CA, no record, no file, no resource."""
    shown = site.tic("stack", "preview", "site")
    assert "ChallengeRecord" in shown.err
    assert (
        "newOrder" not in site.pebble.log.replace("new-order", "newOrder")
        or "order-plz" not in site.pebble.log
    )
    assert site.bind.every_txt() == {}
    assert not site.deployed.exists()
    assert site.tic("stack", "show", "site", "--json").json()["resources"] == []


def test_up_again_changes_nothing_and_asks_the_ca_nothing(site: World) -> None:
    site.tic("stack", "up", "site")
    before, serial = len(site.pebble.log), site.outputs()["serial"]
    again = site.tic("stack", "up", "site")
    assert site.outputs()["serial"] == serial
    assert len(site.pebble.log) == before
    assert "created" not in again.err


def test_destroy_removes_what_was_deployed_and_frees_the_credential(site: World) -> None:
    """A8, C4."""
    site.tic("stack", "up", "site")
    refused = site.tic("creds", "delete", "dns", "--yes", code=3)
    assert "site/site" in refused.err
    site.tic("stack", "destroy", "site", "--yes")
    assert not (site.deployed / "privkey.pem").exists()
    assert site.bind.every_txt() == {}
    site.new_credential("next")
    site.tic("creds", "activate", "next")
    site.tic("creds", "delete", "dns", "--yes")
    site.tic("stack", "remove", "site", "--yes")


def test_a_destroyed_stack_comes_back_with_the_next_up(site: World) -> None:
    """B3. It is bound again, to what is Active then."""
    site.tic("stack", "up", "site")
    site.tic("stack", "destroy", "site", "--yes")
    site.tic("stack", "up", "site")
    assert (site.deployed / "fullchain.pem").exists()


def test_a_file_that_was_lost_comes_back(site: World) -> None:
    site.tic("stack", "up", "site")
    (site.deployed / "cert.pem").unlink()
    site.tic("stack", "refresh", "site")
    site.tic("stack", "up", "site")
    assert (site.deployed / "cert.pem").exists()


def test_names_added_later_are_a_new_certificate(site: World) -> None:
    site.tic("stack", "up", "site")
    serial = site.outputs()["serial"]
    config = site.folder / "site" / "Pulumi.site.yaml"
    config.write_text(config.read_text().replace("- example.test", "- example.test\n  - www.example.test"))
    site.tic("stack", "up", "site")
    leaf = x509.load_pem_x509_certificate((site.deployed / "cert.pem").read_bytes())
    assert names(leaf) == {*DOMAINS, "www.example.test"}
    assert site.outputs()["serial"] != serial
    assert site.bind.every_txt() == {}


def test_a_ca_that_rejects_a_third_of_the_nonces_is_no_obstacle(
    tmp_path: Path, own_bind: Bind, tsig_key: TsigKey
) -> None:
    with (
        pebble(tmp_path, dns=own_bind.address, reject_nonces=30, reuse_authorizations=0) as ca,
        world(tmp_path, own_bind, ca, tsig_key) as made,
    ):
        made.new_credential()
        made.new_stack()
        made.tic("stack", "up", "site")
        assert (made.deployed / "cert.pem").exists()


def test_without_a_credential_nothing_is_made(
    tmp_path: Path, shared_bind: Bind, shared_pebble: Pebble, tsig_key: TsigKey
) -> None:
    """A1."""
    with world(tmp_path, shared_bind, shared_pebble, tsig_key) as made:
        refused = made.tic(
            "stack",
            "new",
            "site",
            "--template",
            "certificate",
            "--set",
            'domains=["example.test"]',
            "--set",
            "provider=rfc2136",
            code=3,
        )
        assert "rfc2136" in refused.err
        assert "tic creds new" in refused.err
        assert not (made.folder / "site").exists()
        assert made.tic("stack", "list", "--json").json() == []


def test_the_project_at_the_root_is_a_normal_pulumi_project(
    tmp_path: Path, shared_bind: Bind, shared_pebble: Pebble, tsig_key: TsigKey
) -> None:
    """Its `main` is `stacks/`; a stack of it is made without a template."""
    root = Path(__file__).parents[2]
    with world(tmp_path, shared_bind, shared_pebble, tsig_key) as made:
        made.new_credential()
        project = made.folder / "checkout"
        shutil.copytree(root / "stacks", project / "stacks", ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(root / "Pulumi.yaml", project)
        made.tic(
            "stack", "new", "dev", "--dir", str(project), "--provider", "rfc2136",
            *setting("domains", ["root.example.test"]),
            *setting("directory", shared_pebble.directory_url),
            *setting("ca-file", str(shared_pebble.ca_file)),
            *setting("nameservers", [shared_bind.address]),
        )  # fmt: skip
        made.tic("stack", "up", "tic/dev")
        assert made.outputs("dev")["domains"] == ["root.example.test"]
        assert "_acme-challenge.root.example.test" not in shared_bind.every_txt()

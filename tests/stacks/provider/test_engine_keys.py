"""Keys and requests on the real engine: kept, or never seen (E1, E4)."""

from pathlib import Path

import pytest
from cryptography import x509

from stacks.provider.acme.keys import make_key
from tests.servers.pebble import Pebble
from tests.stacks.provider.acme.requests_made import KEY, csr
from tests.stacks.provider.broker_server import BrokerServer
from tests.stacks.provider.engine import Programs, Site

pytestmark = pytest.mark.server

NAMES = ["a.test", "*.a.test"]
REQUEST = csr(*NAMES)


def test_a_request_of_the_users_own_is_issued_deployed_and_renewed_without_its_key(
    tmp_path: Path, ca: Pebble, broker: BrokerServer, issue: Programs, folder: Path
) -> None:
    site = Site(tmp_path, broker, issue(NAMES, csr_pem=REQUEST, path=folder))
    assert site.preview().errors == []
    made = site.up()
    assert made.errors == []
    assert made.outputs.get("private_key_pem") is None
    leaf = x509.load_pem_x509_certificate((folder / "cert.pem").read_bytes())
    assert leaf.public_key() == KEY.public_key()
    assert {each.name for each in folder.iterdir()} == {"cert.pem", "chain.pem", "fullchain.pem"}
    certificate = next(each for each in site.state() if each["type"].endswith("te:Certificate"))
    assert "privateKeyPem" not in certificate["outputs"]

    site.refresh()
    before = len(ca.log)
    assert site.up().done == {}
    assert len(ca.log) == before

    site.make_due()
    renewed = site.up()
    assert renewed.done["Certificate"] == ["update"]
    assert renewed.outputs["serial"] != made.outputs["serial"]
    again = x509.load_pem_x509_certificate((folder / "cert.pem").read_bytes())
    assert again.public_key() == KEY.public_key()
    site.make_true()

    site.settings = issue(NAMES, path=folder)
    back = site.up()
    assert back.errors == []
    assert "PRIVATE KEY" in back.outputs["private_key_pem"]
    assert (folder / "privkey.pem").exists()


def test_a_request_for_other_names_and_a_target_that_needs_a_key_are_told_in_the_preview(
    tmp_path: Path, ca: Pebble, broker: BrokerServer, issue: Programs
) -> None:
    """With the next step, and before the CA has been asked for anything."""
    before = len(ca.log)
    site = Site(tmp_path, broker, issue(["a.test", "www.a.test"], csr_pem=REQUEST))
    refused = site.preview()
    assert "property `csrPem` has a problem: is not for" in refused.said
    assert "BEGIN" not in refused.said
    assert "is not for www.a.test, which `domains` has" in refused.said
    assert "is for *.a.test too" in refused.said
    site.settings = issue(NAMES, csr_pem=REQUEST, vault=True)
    keyless = site.preview()
    assert keyless.failed
    assert "give the key that the CSR was made with" in " ".join(keyless.said.split())
    assert len(ca.log) == before


def test_a_private_key_that_is_given_for_a_request_is_not_repeated(
    tmp_path: Path, broker: BrokerServer, issue: Programs
) -> None:
    """E4. As where a file holds both, or the wrong one is named."""
    slip = make_key("ec256")
    site = Site(tmp_path, broker, issue(NAMES, csr_pem=REQUEST + slip))
    refused = site.preview()
    assert "`csrPem` has a problem: holds a private key too" in refused.said
    again = site.up()
    for line in slip.splitlines()[1:-1]:
        assert line not in refused.said + again.said + site.state_text()


def test_a_key_that_is_kept_stays_through_renewals(
    tmp_path: Path, broker: BrokerServer, issue: Programs, folder: Path
) -> None:
    """A change of mind alone makes no other certificate."""
    site = Site(tmp_path, broker, issue(["a.test"], path=folder))
    first = site.up()
    site.settings = issue(["a.test"], keep_key=True, path=folder)
    assert site.up().outputs["serial"] == first.outputs["serial"]
    site.make_due()
    renewed = site.up()
    assert renewed.outputs["serial"] != first.outputs["serial"]
    assert renewed.outputs["private_key_pem"] == first.outputs["private_key_pem"]

"""The whole way on the real Pulumi engine: program, plugin, component, a real CA."""

import threading
from pathlib import Path

import psutil
import pytest
from cryptography import x509

from stacks.provider.acme.certificates import check_belongs
from tests.servers.challtestsrv import Challtestsrv
from tests.servers.pebble import Pebble, pebble
from tests.stacks.provider.broker_server import BrokerServer, Refusal
from tests.stacks.provider.engine import Programs, Site

pytestmark = pytest.mark.server
DOMAINS = ["example.test", "*.example.test"]


def test_a_certificate_from_preview_to_destroy(
    tmp_path: Path, ca: Pebble, broker: BrokerServer, issue: Programs, folder: Path
) -> None:
    """C1, D1, D5, E1, E2, E4."""
    site = Site(tmp_path, broker, issue(DOMAINS, path=folder))

    before = len(ca.log)
    shown = site.preview()
    assert set(shown.done) == {
        *(
            "Stack",
            "IssuedCertificate",
            "Account",
            "Order",
            "ChallengeRecord",
            "Authorization",
            "Certificate",
        ),
        "Directory",
    }
    assert len(ca.log) == before
    assert broker.published == []
    assert not folder.exists()

    made = site.up()
    assert made.errors == []
    assert made.outputs["domains"] == DOMAINS
    assert made.outputs["epoch"] == 1
    assert broker.most == 2
    assert broker.records == set()
    names = [resource["urn"].rpartition("::")[2] for resource in site.state() if "Record" in resource["type"]]
    assert sorted(names) == ["site/*.example.test", "site/example.test"]
    pem = (folder / "privkey.pem").read_text()
    check_belongs(made.outputs["certificate_pem"], made.outputs["chain_pem"], pem)
    assert pem.splitlines()[1] not in site.state_text()

    before, asked = len(ca.log), len(broker.published)
    again = site.up()
    assert again.done == {}
    assert again.outputs == made.outputs
    assert len(ca.log) == before
    assert len(broker.published) == asked

    (folder / "cert.pem").unlink()
    site.refresh()
    mended = site.up()
    assert mended.done == {"Directory": ["update"]}
    assert (folder / "cert.pem").exists()

    removed = site.destroy()
    assert removed.errors == []
    assert site.state() == []
    assert not folder.exists()
    assert broker.records == set()


def test_renewal_and_other_names_update_the_certificate_in_place(
    tmp_path: Path, ca: Pebble, broker: BrokerServer, issue: Programs, folder: Path
) -> None:
    """E1, E2. Due: as the broker shows a certificate whose window has come."""
    site = Site(tmp_path, broker, issue(DOMAINS, path=folder))
    first = site.up()

    site.make_due()
    renewed = site.up()
    assert renewed.outputs["epoch"] == 2
    assert renewed.outputs["serial"] != first.outputs["serial"]
    assert renewed.outputs["private_key_pem"] != first.outputs["private_key_pem"]
    assert renewed.done["Certificate"] == ["update"]
    assert renewed.done["Directory"] == ["update"]
    assert "Account" not in renewed.done

    site.make_true()
    assert site.up().done == {}

    site.settings = issue(["example.test", "www.example.test"], path=folder)
    other = site.up()
    leaf = x509.load_pem_x509_certificate((folder / "cert.pem").read_bytes())
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert set(names.get_values_for_type(x509.DNSName)) == {"example.test", "www.example.test"}
    assert other.outputs["epoch"] == 2
    assert other.done["Certificate"] == ["update"]

    site.settings = issue(["www.example.test", "example.test"], path=folder)
    before = len(ca.log)
    reordered = site.up()
    assert set(reordered.done) == {"Order", "Certificate"}
    assert reordered.outputs["serial"] == other.outputs["serial"]
    assert len(ca.log) == before


def test_where_one_challenge_at_a_time_is_possible_they_form_a_chain(
    tmp_path: Path, broker: BrokerServer, issue: Programs
) -> None:
    """D1."""
    broker.sequential = True
    made = Site(tmp_path, broker, issue([*DOMAINS, "www.example.test"])).up()
    assert made.errors == []
    assert len(broker.published) == 3
    assert broker.most == 1
    assert broker.records == set()


def test_a_refused_authorization_is_told_once_and_the_next_up_makes_a_new_order(
    tmp_path: Path, broker: BrokerServer, issue: Programs, folder: Path
) -> None:
    """C3, D1."""
    site = Site(tmp_path, broker, issue(["example.test"], path=folder))
    broker.silent = True
    for _ in range(2):
        failed = site.up()
        assert failed.failed
        assert len(failed.own_errors) == 1
        assert "did not accept example.test: unauthorized" in failed.own_errors[0]
        assert "— next: " in failed.own_errors[0]
        assert "Traceback" not in failed.own_errors[0]
        assert broker.records == set()
        assert "pending_operations" not in site.state_text()
    broker.silent = False
    mended = site.up()
    assert mended.errors == []
    assert (folder / "cert.pem").exists()
    assert broker.records == set()
    assert site.up().done == {}


def test_a_run_that_failed_at_one_name_goes_on_with_the_same_order(
    tmp_path: Path, ca: Pebble, broker: BrokerServer, issue: Programs
) -> None:
    """C3. The record of the other name went with the failed run, and is published again."""
    site = Site(tmp_path, broker, issue(["a.test", "b.test"]))
    broker.refusals["/dns/publish"] = Refusal(502, "BADSIG from 127.0.0.1", "tic creds rotate dns")
    failed = site.up()
    assert {each.partition("127")[0] for each in failed.own_errors} == {"BADSIG from "}
    broker.refusals.clear()
    before = ca.log.count("/order-plz")
    mended = site.up()
    assert mended.errors == []
    assert ca.log.count("/order-plz") == before
    assert broker.records == set()


def test_everything_that_is_wrong_with_the_inputs_is_told_before_anything_is_made(
    tmp_path: Path, ca: Pebble, broker: BrokerServer, issue: Programs
) -> None:
    wrong = issue(
        ["a_b.test", "x.test", "X.test"], key_type="dsa", email="nobody", directory_url="http://ca.test"
    )
    before = len(ca.log)
    failed = Site(tmp_path, broker, wrong).preview()
    assert failed.failed
    for each in ("directoryUrl", "email", "domains[0]", "domains[2]", "keyType"):
        assert f"property {each} " in failed.said
    assert len(ca.log) == before


def test_a_stack_without_a_dns_credential_is_told_in_the_preview(
    tmp_path: Path, broker: BrokerServer, issue: Programs
) -> None:
    """A1."""
    broker.refusals["/dns/provider"] = Refusal(403, "no DNS credential is bound", "tic stack bind site")
    failed = Site(tmp_path, broker, issue(DOMAINS)).preview()
    assert "no DNS credential is bound — next: tic stack bind site" in failed.said


def test_a_cancelled_run_ends_at_once_and_the_next_one_goes_on(
    tmp_path: Path, broker: BrokerServer, issue: Programs
) -> None:
    """C3. Ctrl-C while a record is being published."""
    site = Site(tmp_path, broker, issue(["example.test"]))
    broker.hold = threading.Event()

    def cancel() -> None:
        broker.held.wait(60)
        site.interrupt()

    canceller = threading.Thread(target=cancel)
    canceller.start()
    cancelled = site.up()
    canceller.join()
    assert cancelled.failed
    assert "cancelled while waiting for _acme-challenge.example.test" in cancelled.said
    broker.hold.set()
    broker.hold = None
    assert site.up().errors == []


def test_a_killed_engine_takes_its_plugin_with_it(
    tmp_path: Path, broker: BrokerServer, issue: Programs
) -> None:
    """C3."""
    site = Site(tmp_path, broker, issue(["example.test"]))
    broker.hold = threading.Event()
    plugins: list[psutil.Process] = []

    def kill() -> None:
        broker.held.wait(60)
        plugins.extend(site.processes("pulumi-resource-tic"))
        for engine in site.processes("pulumi"):
            engine.kill()

    killer = threading.Thread(target=kill)
    killer.start()
    assert site.up().failed
    killer.join()
    broker.hold.set()
    broker.hold = None
    assert plugins
    _, alive = psutil.wait_procs(plugins, timeout=20)
    assert not alive
    site.cancel()
    assert site.up().errors == []


def test_two_certificates_in_one_program(tmp_path: Path, broker: BrokerServer, issue: Programs) -> None:
    site = Site(tmp_path, broker, issue.other("two"))
    assert site.up().outputs == {"one": ["one.test"], "two": ["two.test"]}
    assert site.up().done == {}


def test_names_that_another_resource_tells_are_unknown_in_a_preview(
    tmp_path: Path, broker: BrokerServer, issue: Programs
) -> None:
    site = Site(tmp_path, broker, issue.other("told"))
    shown = site.preview()
    assert shown.errors == []
    assert "Order" not in shown.done
    assert site.up().outputs["domains"][0].endswith(".test")


def test_the_parts_alone_with_a_record_of_another_kind(
    tmp_path: Path, broker: BrokerServer, dns: Challtestsrv, issue: Programs
) -> None:
    """A record can as well be a native resource: then nothing of it goes through the broker."""
    site = Site(tmp_path, broker, issue.other("parts", records=dns.management_url))
    made = site.up()
    assert made.errors == []
    assert made.outputs == {"epoch": 1}
    assert "/dns/publish" not in broker.asked
    assert site.up().done == {}
    dns.clear_txt("_acme-challenge.native.test")


def test_valid_authorizations_of_the_account_are_used(
    tmp_path: Path, dns: Challtestsrv, broker: BrokerServer
) -> None:
    with pebble(
        tmp_path, dns=dns.address, reuse_authorizations=100, reject_nonces=30, retry_after=0
    ) as server:
        site = Site(tmp_path, broker, Programs(server)(["example.test"]))
        assert site.up().errors == []
        site.settings = Programs(server)(["example.test", "www.example.test"])
        assert site.up().errors == []
    assert [name for name, _ in broker.published] == [
        "_acme-challenge.example.test",
        "_acme-challenge.www.example.test",
    ]


def test_the_schema_is_read_by_pulumi(tmp_path: Path, broker: BrokerServer, issue: Programs) -> None:
    """C1: any Pulumi language."""
    schema = Site(tmp_path, broker, issue(DOMAINS)).schema()
    assert schema["name"] == "tic"
    assert schema["resources"]["tic:acme/issuedCertificate:IssuedCertificate"]["isComponent"] is True
    assert set(schema["functions"]) == {"tic:acme/getEpoch:getEpoch"}

"""Which resources a renewal's run is for: what the certificate is made of, no more; and why one failed."""

from typing import Any

from engine.certificates.renewal import Why, targets, why_failed
from engine.events import Diagnostic
from engine.operation import Outcome

ROOT = "urn:pulumi:dev::proj::pulumi:pulumi:Stack::proj-dev"


def resource(kind: str, name: str, parent: str = ROOT, *depends: str) -> dict[str, Any]:
    urn = f"urn:pulumi:dev::proj::{kind}::{name}"
    return {"urn": urn, "type": kind, "parent": parent, "dependencies": list(depends)}


def test_all_that_a_component_made_is_meant_and_none_of_its_neighbours() -> None:
    root = {"urn": ROOT, "type": "pulumi:pulumi:Stack"}
    component = resource("tic:acme/issuedCertificate:IssuedCertificate", "www")
    inside = [
        resource("tic:acme/order:Order", "www", component["urn"]),
        resource("tic:dns/challengeRecord:ChallengeRecord", "www/a", component["urn"]),
        resource("tic:acme/certificate:Certificate", "www", component["urn"]),
    ]
    other = resource("tic:acme/issuedCertificate:IssuedCertificate", "api")
    neighbours = [
        other,
        resource("tic:acme/order:Order", "api", other["urn"]),
        resource("aws:s3:Bucket", "b"),
    ]
    found = targets([root, component, *inside, *neighbours], [inside[2]["urn"]])
    assert set(found) == {component["urn"], *(each["urn"] for each in inside)}


def test_a_chain_put_together_by_hand_is_followed_through_its_own_resources_alone() -> None:
    bucket = resource("aws:s3:Bucket", "b")
    account = resource("tic:acme/account:Account", "www")
    order = resource("tic:acme/order:Order", "www", ROOT, account["urn"], bucket["urn"])
    record = resource("tic:dns/challengeRecord:ChallengeRecord", "www", ROOT)
    record["propertyDependencies"] = {"token": [order["urn"]], "identifier": None}
    end = resource("tic:acme/certificate:Certificate", "www", ROOT, order["urn"], record["urn"])
    deployed = resource("tic:deploy/directory:Directory", "www", ROOT, end["urn"])
    found = targets([bucket, account, order, record, end, deployed], [end["urn"], "urn:gone"])
    assert set(found) == {each["urn"] for each in (account, order, record, end)}


def failed(*messages: str) -> Outcome:
    return Outcome(errors=[Diagnostic("error", each, "") for each in messages])


def test_why_a_run_failed_is_apart_from_the_next_step() -> None:
    one = "could not publish a.test — next: tic creds verify dns"
    assert why_failed(failed(one, one)) == Why("could not publish a.test", "tic creds verify dns")
    both = why_failed(failed("no step is\nknown here", one, "late — next: never mind"))
    assert both == Why("no step is; known here; could not publish a.test; late", "tic creds verify dns")
    assert why_failed(Outcome(printed=["before", " the last word "])).problem == "the last word"
    assert why_failed(Outcome()).problem == "the run failed"

"""Which resources a renewal's run is for: what the certificate is made of, and nothing else."""

from typing import Any

from engine.certificates.renewal import targets

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

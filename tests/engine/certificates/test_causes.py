"""Which resources a renewal's run is for: what the certificate is made of, no more; and why one failed."""

from typing import Any

from engine.certificates.causes import HELD_UP, Causes, Why, dependents, targets, why_failed
from engine.events import Diagnostic, Step
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


def test_what_uses_the_component_depends_on_its_certificate() -> None:
    """As programs in YAML do: the state names the component, and not the certificate in it."""
    component = resource("tic:acme/issuedCertificate:IssuedCertificate", "www")
    end = resource("tic:acme/certificate:Certificate", "www", component["urn"])
    hook = resource("tic:deploy/webhook:Webhook", "www", ROOT, component["urn"])
    after = resource("tic:deploy/endpoint:Endpoint", "www", ROOT, hook["urn"])
    other = resource("tic:deploy/webhook:Webhook", "other")
    everything = [component, end, hook, after, other]
    assert dependents(everything, [end["urn"]]) == {end["urn"]: {hook["urn"], after["urn"]}}


def said(*messages: str, urn: str = "") -> list[Diagnostic]:
    return [Diagnostic("error", each, urn) for each in messages]


def test_why_a_run_failed_is_apart_from_the_next_step() -> None:
    one = "could not publish a.test — next: tic creds verify dns"
    assert why_failed(said(one, one)) == Why("could not publish a.test", "tic creds verify dns")
    both = why_failed(said("no step is\nknown here", one, "late — next: never mind"))
    assert both == Why("no step is; known here; could not publish a.test; late", "tic creds verify dns")
    assert why_failed((), ["before", " the last word "]).problem == "the last word"
    assert why_failed(()).problem == "the run failed"


def chain(name: str, *before: str) -> list[dict[str, Any]]:
    """An order, its certificate and two deployments, the second of which is made of the first."""
    order = resource("tic:acme/order:Order", name, ROOT, *before)
    end = resource("tic:acme/certificate:Certificate", name, ROOT, order["urn"])
    first = resource("tic:deploy/directory:Directory", name, ROOT, end["urn"])
    return [order, end, first, resource("tic:deploy/endpoint:Endpoint", name, ROOT, first["urn"])]


def done(*resources: dict[str, Any]) -> dict[str, Step]:
    return {each["urn"]: Step("done", "update", each["urn"]) for each in resources}


def test_a_failure_is_of_the_certificate_that_it_is_below_or_behind() -> None:
    a, b = chain("a"), chain("b")
    certificates = [a[1]["urn"], b[1]["urn"]]
    below = Outcome(errors=said("no — next: mend it", urn=b[0]["urn"]), steps=done(*a))
    causes = Causes.of([*a, *b], certificates, below)
    assert causes.is_deployed(certificates[0])
    assert not causes.is_deployed(certificates[1])
    assert causes.why(certificates[1]) == Why("no", "mend it")
    behind = Outcome(errors=said("no folder", urn=a[3]["urn"]), steps=done(*a[:3], *b))
    causes = Causes.of([*a, *b], certificates, behind)
    assert not causes.is_deployed(certificates[0])
    assert causes.is_deployed(certificates[1])
    assert causes.why(certificates[0]) == Why("no folder")


def test_a_deployment_that_was_not_come_to_is_not_done() -> None:
    a = chain("a")
    begun = {a[3]["urn"]: Step("started", "update", a[3]["urn"])}
    outcome = Outcome(errors=said("the engine died"), steps={**done(*a[:3]), **begun})
    causes = Causes.of(a, [a[1]["urn"]], outcome)
    assert not causes.is_deployed(a[1]["urn"])
    assert causes.why(a[1]["urn"]) == Why("the engine died")


def test_one_whose_turn_never_came_is_blamed_for_nothing() -> None:
    """As where one DNS provider holds one challenge at a time, and the challenge before failed."""
    a, b = chain("a"), chain("b")
    causes = Causes.of([*a, *b], [a[1]["urn"], b[1]["urn"]], Outcome(errors=said("refused", urn=a[0]["urn"])))
    assert causes.is_held_up(b[1]["urn"])
    assert not causes.is_held_up(a[1]["urn"])
    assert causes.why(b[1]["urn"]) == HELD_UP


def test_what_nobody_can_be_blamed_for_is_told_of_each() -> None:
    account = resource("tic:acme/account:Account", "shared")
    a, b = chain("a", account["urn"]), chain("b", account["urn"])
    shared = Outcome(errors=said("the account is gone", urn=account["urn"]))
    root = Outcome(errors=said("the program ended with 3", urn=ROOT))
    for outcome in (shared, root):
        causes = Causes.of([account, *a, *b], [a[1]["urn"], b[1]["urn"]], outcome)
        for one in (a, b):
            assert causes.why(one[1]["urn"]).problem == outcome.errors[0].message
            assert not causes.is_held_up(one[1]["urn"])

"""Where a state says that a certificate is served: by what is served there, or what it was taken from."""

from typing import Any

from engine.certificates.checking import ENDPOINT, declared_places
from engine.certificates.kept import TYPE

SECRET = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "x"}


def certificate(name: str, pem: str) -> dict[str, Any]:
    component = f"urn:pulumi:dev::p::tic:acme/issuedCertificate:IssuedCertificate::{name}"
    outputs = {"certificatePem": pem}
    return {"urn": f"urn:{name}", "type": TYPE, "parent": component, "outputs": outputs}


def endpoint(address: object, pem: object, *taken_from: str) -> dict[str, Any]:
    return {
        "urn": f"urn:at:{address}",
        "type": ENDPOINT,
        "inputs": {"address": address, "certificatePem": pem},
        "propertyDependencies": {"address": None, "certificatePem": list(taken_from)},
    }


def places(resources: list[dict[str, Any]], of: dict[str, Any]) -> list[str]:
    return [str(each) for each in declared_places(resources, of)]


def test_a_place_that_a_run_did_not_come_to_is_the_certificates_still() -> None:  # E3
    a, b = certificate("a", "newer a"), certificate("b", "b")
    resources = [
        *(a, b, {"urn": "urn:x", "type": "aws:s3:Bucket"}),
        endpoint("a.test", "older a", "urn:a"),
        endpoint("component.a.test", "older a", a["parent"]),
        endpoint("b.test", "b", "urn:b"),
        endpoint("other.test", "of another stack"),
    ]
    assert places(resources, a) == ["a.test:443", "component.a.test:443"]
    assert places(resources, b) == ["b.test:443"]


def test_a_place_is_that_of_the_certificate_which_it_has_whatever_else_it_depends_on() -> None:
    a, b = certificate("a", "a"), certificate("b", "b")
    resources = [a, b, endpoint("b.test", "b", "urn:a", "urn:b")]
    assert (places(resources, a), places(resources, b)) == ([], ["b.test:443"])


def test_what_a_state_keeps_as_a_secret_is_known_by_what_it_was_taken_from() -> None:
    a = certificate("a", "a")
    resources = [a, endpoint("a.test", SECRET, "urn:a"), endpoint(SECRET, "a", "urn:a")]
    assert places(resources, a) == ["a.test:443"]

"""Whether a CA has revoked a certificate is known from answers to be believed, and no others (E3)."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.ocsp import (
    OCSPCertStatus,
    OCSPResponseBuilder,
    OCSPResponseStatus,
    load_der_ocsp_response,
)
from hypothesis import given
from hypothesis import strategies as some

from stacks.revocation import lists, responses
from stacks.revocation.asking import SILENT_AFTER, Asking
from stacks.revocation.verdict import Revoked, Said, Unclear
from tests.stacks.revocation.authority import NOW, REVOKED_AT, Authority, authority, key, pem

GOOD, REVOKED, UNKNOWN = OCSPCertStatus.GOOD, OCSPCertStatus.REVOKED, OCSPCertStatus.UNKNOWN


@pytest.fixture
def ca() -> Iterator[Authority]:
    with authority() as made:
        yield made


def said(ca: Authority, leaf: x509.Certificate, asking: Asking | None = None) -> Said:
    return (asking or Asking(5)).ask(pem(leaf), pem(ca.certificate), NOW)


def listing(ca: Authority, crl: bytes) -> x509.Certificate:
    ca.answers["/crl"] = lambda _: (200, crl)
    return ca.issued(lists=True)


def responding(ca: Authority, leaf: x509.Certificate, answer: bytes) -> Said:
    ca.answers["/ocsp"] = lambda _: (200, answer)
    return said(ca, leaf)


def forged(der: bytes) -> bytes:
    """The answer, with another signature."""
    signature = load_der_ocsp_response(der).signature
    return der.replace(signature, signature[:-1] + bytes([signature[-1] ^ 1]))


def test_a_list_that_names_it_says_since_when_and_why(ca: Authority) -> None:
    assert said(ca, listing(ca, ca.crl(6, 7))) == Said(Revoked(REVOKED_AT, "keyCompromise"))
    assert said(ca, listing(ca, ca.crl(7, reason=None))) == Said(Revoked(REVOKED_AT))
    assert said(ca, listing(ca, ca.crl(6, 8))) == Said()


def test_one_that_was_on_a_list_is_revoked_however_old_the_list_is(ca: Authority) -> None:
    old = NOW - timedelta(days=2)
    assert said(ca, listing(ca, ca.crl(7, until=old))).revoked is not None
    assert "out of date" in said(ca, listing(ca, ca.crl(8, until=old))).problems[0]


@pytest.mark.parametrize(
    ("point", "why"),
    [
        ({"full_name": [x509.UniformResourceIdentifier("http://other.test/crl")]}, "of another place"),
        ({"only_contains_ca_certs": True}, "for other certificates"),
        ({"only_some_reasons": frozenset({x509.ReasonFlags.key_compromise})}, "for some reasons alone"),
    ],
)
def test_a_list_for_others_says_nothing_of_it(ca: Authority, point: dict[str, object], why: str) -> None:
    fields = dict.fromkeys(("full_name", "relative_name", "only_some_reasons")) | dict.fromkeys(
        (
            "only_contains_user_certs",
            "only_contains_ca_certs",
            "indirect_crl",
            "only_contains_attribute_certs",
        ),
        False,
    )
    also = x509.IssuingDistributionPoint(**(fields | point))  # type: ignore[arg-type]  # by name
    assert why in said(ca, listing(ca, ca.crl(8, also=also))).problems[0]


def test_a_list_that_somebody_else_made_revokes_nothing(ca: Authority) -> None:
    for forged in (ca.crl(7, signed_by=key()), ca.crl(7, name="another"), b"", b"<html>", ca.crl(7)[:-1]):
        answer = said(ca, listing(ca, forged))
        assert answer.revoked is None
        assert len(answer.problems) == 1


def test_a_responder_is_asked_and_believed(ca: Authority) -> None:
    leaf = ca.issued(responder=True)
    revoked = responding(ca, leaf, ca.response(leaf, REVOKED))
    assert revoked == Said(Revoked(REVOKED_AT, "superseded"))
    assert responding(ca, leaf, ca.response(leaf, GOOD)) == Said()
    assert responding(ca, leaf, ca.response(leaf, REVOKED, signed_by=ca.delegate())) == revoked


def test_an_answer_that_may_be_of_anybody_is_not_believed(ca: Authority) -> None:
    leaf, other = ca.issued(responder=True), ca.issued(8, responder=True)
    late = NOW - timedelta(days=3)
    with authority() as stranger:
        answers = {
            "not signed by": [
                ca.response(leaf, REVOKED, signed_by=ca.delegate(may_sign=False)),
                ca.response(leaf, REVOKED, signed_by=ca.delegate(ends=timedelta(days=-1))),
                ca.response(leaf, REVOKED, signed_by=stranger.delegate()),
                forged(ca.response(leaf, REVOKED)),
            ],
            "does not know": [ca.response(leaf, UNKNOWN)],
            "another certificate": [ca.response(other, REVOKED)],
            "out of date": [
                ca.response(leaf, GOOD, from_=late, until=late),
                ca.response(leaf, GOOD, from_=late, until=None),
            ],
            "later than now": [ca.response(leaf, GOOD, from_=NOW + timedelta(hours=1))],
            "try later": [
                OCSPResponseBuilder.build_unsuccessful(OCSPResponseStatus.TRY_LATER).public_bytes(
                    Encoding.DER
                )
            ],
            "no answer of a responder": [b"", b"{}"],
        }
    for why, given_ in answers.items():
        for each in given_:
            answer = responding(ca, leaf, each)
            assert answer.revoked is None
            assert why in answer.problems[0]


def test_the_list_is_asked_where_the_responder_says_nothing(ca: Authority) -> None:
    ca.answers["/crl"] = lambda _: (200, ca.crl(7))
    leaf = ca.issued(lists=True, responder=True)
    assert said(ca, leaf).revoked is not None
    assert ca.asked == ["/ocsp", "/crl"]


def test_one_that_names_no_place_is_not_asked_for_and_none_is_followed_elsewhere(ca: Authority) -> None:
    assert said(ca, ca.issued()) == Said()
    ca.answers["/crl"] = lambda _: (302, b"")
    assert "HTTP 302" in said(ca, ca.issued(lists=True)).problems[0]
    assert ca.asked == ["/crl"]
    assert "no chain" in Asking().ask(pem(ca.issued(lists=True)), "", NOW).problems[0]


def test_a_list_is_fetched_once_and_a_host_that_is_silent_not_for_each(ca: Authority) -> None:
    leaf, asking = listing(ca, ca.crl(8)), Asking(5)
    for _ in range(3):
        said(ca, leaf, asking)
    assert ca.asked == ["/crl"]
    del ca.answers["/crl"]
    again = Asking(5)
    problems = [said(ca, leaf, again).problems[0] for _ in range(SILENT_AFTER + 2)]
    assert len(ca.asked) == 1 + SILENT_AFTER
    assert "has not answered before" in problems[-1]


@given(content=some.binary(max_size=200))
def test_whatever_is_answered_is_read_or_unclear(content: bytes) -> None:
    made = Authority("http://127.0.0.1:1")
    leaf, issuer = made.issued(), made.certificate
    with pytest.raises(Unclear):
        lists.read(content, leaf, issuer, "http://127.0.0.1:1/crl", NOW)
    with pytest.raises(Unclear):
        responses.read(content, leaf, issuer, NOW)

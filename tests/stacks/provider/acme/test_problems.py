"""A CA's problem documents: the CA's own words, and a next step for each."""

import pytest
import requests

from stacks.provider.acme.problems import FINDINGS, HINTS, PREFIX, AuthorityError, explained, hint_for, told


def test_type_detail_and_subproblems_are_all_told() -> None:
    """RFC 8555 6.7.1."""
    problem = {
        "type": f"{PREFIX}compound",
        "detail": "two names",
        "subproblems": [
            {"type": f"{PREFIX}caa", "detail": "forbidden", "identifier": {"type": "dns", "value": "a.test"}},
            {"type": f"{PREFIX}dnssec", "detail": "bogus"},
        ],
    }
    assert told(problem) == "compound: two names; a.test: caa: forbidden; dnssec: bogus"
    assert "CAA" in hint_for(problem)


def test_unauthorized_is_another_thing_for_a_request_than_for_a_domain() -> None:
    problem = {"type": f"{PREFIX}unauthorized", "detail": "x"}
    assert "tic stack refresh" in hint_for(problem)
    assert "name servers" in hint_for(problem, finding=True)


@pytest.mark.parametrize("code", [*HINTS, *FINDINGS, "unheardOf", ""])
def test_every_problem_has_a_next_step(code: str) -> None:
    assert hint_for({"type": PREFIX + code, "detail": "x"})


@pytest.mark.parametrize("document", [{}, {"type": 3}, {"subproblems": ["x"]}, {"title": "t"}])
def test_a_strange_document_is_told_all_the_same(document: dict[str, object]) -> None:
    assert told(document)


@pytest.mark.parametrize(
    ("raised", "said", "hint"),
    [
        (requests.exceptions.SSLError("x"), "is not trusted: its certificate", "caCertificates"),
        (requests.exceptions.ConnectTimeout("x"), "did not answer in time", "can be reached"),
        (
            requests.exceptions.ConnectionError(OSError(111, "Connection refused")),
            "can't be reached: nothing accepts connections there",
            "directoryUrl",
        ),
    ],
)
def test_what_the_network_does_is_one_sentence_with_the_url(raised: Exception, said: str, hint: str) -> None:
    with pytest.raises(AuthorityError) as refused, explained("https://ca.test/dir", "order"):
        raise raised
    assert str(refused.value).startswith("could not order: the CA at https://ca.test/dir")
    assert said in str(refused.value)
    assert hint in refused.value.hint

"""What answers mean for a role: until when a session is good, and which keys it has."""

from datetime import timedelta

import pytest

from credentials.identity import (
    ClockSkew,
    Inconclusive,
    NotVerifiable,
    PackageMissing,
    Rejected,
    Unreachable,
)
from credentials.identity.errors import IdentityError
from credentials.roles import NotAssumed, Reason, Role, Source
from credentials.roles.answers import asking, ends, keys, session_name, told

ROLE = Role("jdcloud", "jrn:iam::1:role/tic-role", None, 3600, Source("credential", credential="cred-1"))
NAMES = {"access-key": "ak", "secret-key": "sk"}
CONSOLE = "https://console.example.test"


@pytest.mark.parametrize(
    ("since", "until", "end"),
    [
        (None, None, 4600.0),
        (None, "1970-01-01T00:30:00Z", 1800.0),
        (None, "1970-01-01T08:30:00+08:00", 1800.0),
        (None, "1970-01-01T00:30:00.5", 1800.5),
        ("1971-01-01T00:00:00Z", "1971-01-01T00:15:00Z", 1900.0),  # by a clock that is a year ahead
        (None, "1971-01-01T00:00:00Z", 4600.0),  # never later than what was asked for
        ("1971-01-01T00:00:00Z", None, 4600.0),
        ("soon", "later", 4600.0),
        (12, {}, 4600.0),
    ],
)
def test_a_session_ends_by_this_machines_clock(since: object, until: object, end: float) -> None:  # A10
    assert ends(1000.0, 3600, since=since, until=until) == end


def test_keys_are_named_as_fields() -> None:
    found = keys(ROLE, CONSOLE, {"ak": "one", "sk": "two", "more": 3}, NAMES)
    assert {name: value.reveal() for name, value in found.items()} == {
        "access-key": b"one",
        "secret-key": b"two",
    }


@pytest.mark.parametrize(
    "answer", [None, [], "keys", {}, {"ak": "one"}, {"ak": "", "sk": "s"}, {"ak": 1, "sk": 2}]
)
def test_an_answer_without_keys_is_none(answer: object) -> None:
    with pytest.raises(NotAssumed) as caught:
        keys(ROLE, CONSOLE, answer, NAMES)
    assert caught.value.reason is Reason.UNKNOWN


@pytest.mark.parametrize(
    ("error", "reason", "said"),
    [
        (
            ClockSkew("jdcloud", code="Late", skew=timedelta(minutes=-60)),
            Reason.CLOCK_SKEW,
            "Late: this machine's clock is 60 min behind the provider's",
        ),
        (ClockSkew("jdcloud", code="Late"), Reason.CLOCK_SKEW, "Late"),
        (Rejected("jdcloud", code="401", request_id="r-1"), Reason.SOURCE_REJECTED, "401, request r-1"),
        (NotVerifiable("jdcloud", "no key"), Reason.SOURCE_REJECTED, "no key"),
        (Unreachable("jdcloud", "no answer"), Reason.UNREACHABLE, "no answer"),
        (Inconclusive("jdcloud", code="500"), Reason.UNKNOWN, "500"),
        (IdentityError("what", hint="ever"), Reason.UNKNOWN, "IdentityError"),
    ],
)
def test_what_keeps_an_identity_from_being_known_keeps_it_from_a_role(
    error: IdentityError, reason: Reason, said: str
) -> None:
    with pytest.raises(NotAssumed) as caught, asking(ROLE, CONSOLE):
        raise error
    assert (caught.value.reason, caught.value.said) == (reason, said)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_a_package_that_is_missing_stays_that() -> None:
    with pytest.raises(PackageMissing), asking(ROLE, CONSOLE):
        raise PackageMissing("jdcloud", "jdcloud")


def test_what_the_provider_said_is_its_code_its_words_and_the_requests_id() -> None:
    assert told("AccessDenied", "r-1", "no") == "AccessDenied: no, request r-1"
    assert told("AccessDenied") == "AccessDenied"


def test_a_sessions_name_has_what_the_provider_takes() -> None:
    assert session_name("tic-site-1f", r"[^\w-]+", 64) == "tic-site-1f"
    assert session_name("tic-bö/se site", r"[^\w-]+", 8) == "tic-b-se"

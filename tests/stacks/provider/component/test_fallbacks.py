"""From which CA a certificate is ordered that may come from several (E1)."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from stacks.broker import StateResource
from stacks.provider.acme.account import Account
from stacks.provider.acme.epoch import CERTIFICATE, Decision
from stacks.provider.acme.order import Order
from stacks.provider.component.fallbacks import FALLBACKS, Choosing, account_name, refusals
from stacks.provider.properties import check
from stacks.provider.run import Operation, Run
from stacks.provider.values import UNKNOWN

FIRST, SECOND, THIRD = (f"https://{each}.example/dir" for each in ("first", "second", "third"))
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
DUE, LATE = BEGIN + timedelta(days=61), BEGIN + timedelta(days=76)
STAYS, RENEWS = Decision(1, due=False, renew_at=None), Decision(2, due=True, renew_at=DUE)


def child(kind: str, name: str) -> str:
    return f"{kind}::{name}"


def resource(kind: str, name: str, inputs: dict[str, Any], outputs: dict[str, Any], **more: Any) -> Any:
    return StateResource(child(kind, name), name, inputs, outputs, **more)


class State:
    """A stack's state with a certificate of 90 days from `directory`; `silent` are CAs that do not answer."""

    def __init__(
        self, directory: str = FIRST, silent: tuple[str, ...] = (), *, revoked: bool = False
    ) -> None:
        outputs = {
            "epoch": 1,
            "serial": "a",
            "notBefore": BEGIN.isoformat(),
            "notAfter": (BEGIN + timedelta(days=90)).isoformat(),
        }
        names = {FIRST: "site", **{each: account_name("site", each) for each in (SECOND, THIRD)}}
        self.held: dict[str, tuple[Any, ...]] = {
            CERTIFICATE: (
                resource(CERTIFICATE, "site", {"directoryUrl": directory}, outputs, revoked=revoked),
            ),
            Order.token: (),
            Account.token: tuple(
                resource(Account.token, name, {}, {"accountUri": f"{url}/me"}) for url, name in names.items()
            ),
        }
        self.silent = silent

    def chooses(self, decision: Decision, now: datetime, *others: str) -> str:
        """What is ordered from, with these as fallbacks."""
        run = Run(environ={})
        run._held.update(self.held)
        run.answering.update({each: each not in self.silent for each in (FIRST, SECOND, THIRD)})
        inputs = {
            "directoryUrl": FIRST,
            "domains": ["a.example"],
            "fallbacks": [{"directoryUrl": each} for each in others],
        }
        return Choosing(Operation.begin(run, "site"), inputs, "site", child).directory(decision, now)


def test_what_can_wait_waits_for_its_own_ca() -> None:
    assert State(silent=(FIRST,)).chooses(RENEWS, DUE, SECOND) == FIRST


def test_in_the_last_sixth_the_first_that_answers_is_ordered_from() -> None:
    assert State().chooses(RENEWS, LATE, SECOND, THIRD) == FIRST
    assert State(silent=(FIRST,)).chooses(RENEWS, LATE, SECOND, THIRD) == SECOND
    assert State(silent=(FIRST, SECOND)).chooses(RENEWS, LATE, SECOND, THIRD) == THIRD


def test_where_none_answers_the_first_one_says_so() -> None:
    assert State(silent=(FIRST, SECOND)).chooses(RENEWS, LATE, SECOND) == FIRST


def test_what_is_revoked_can_not_wait() -> None:
    assert State(silent=(FIRST,), revoked=True).chooses(RENEWS, DUE, SECOND) == SECOND


def test_a_ca_without_an_account_is_none_to_order_from() -> None:
    """As where the fallback was written down and no run has made its account yet."""
    state = State(silent=(FIRST,))
    state.held[Account.token] = state.held[Account.token][:1]
    assert state.chooses(RENEWS, LATE, SECOND) == FIRST


def test_a_certificate_that_stays_as_it_is_stays_with_its_ca() -> None:
    assert State(SECOND).chooses(STAYS, DUE, SECOND) == SECOND
    assert State(SECOND).chooses(RENEWS, DUE, SECOND) == FIRST
    assert State(SECOND).chooses(STAYS, DUE, THIRD) == FIRST  # it may no longer come from there
    assert State(SECOND).chooses(STAYS, DUE) == FIRST


def test_a_renewal_that_was_cut_off_goes_on_where_it_has_an_order() -> None:
    state = State()
    state.held[Order.token] = (resource(Order.token, "site", {"epoch": 2, "directoryUrl": SECOND}, {}),)
    assert state.chooses(RENEWS, LATE, SECOND) == SECOND
    state.silent = (SECOND,)
    assert state.chooses(RENEWS, LATE, SECOND) == FIRST
    state.held[Order.token] = (resource(Order.token, "site", {"epoch": 1, "directoryUrl": SECOND}, {}),)
    state.silent = ()
    assert state.chooses(RENEWS, LATE, SECOND) == FIRST


def test_where_there_is_no_certificate_yet_nothing_is_lost_by_waiting() -> None:
    state = State(silent=(FIRST,))
    state.held[CERTIFICATE] = ()
    assert state.chooses(Decision(1, due=False, renew_at=None), LATE, SECOND) == FIRST


@pytest.mark.parametrize(
    ("fallbacks", "refused"),
    [
        ([{"directoryUrl": FIRST}], "fallbacks[0].directoryUrl"),
        ([{"directoryUrl": SECOND}, {"directoryUrl": SECOND}], "fallbacks[1].directoryUrl"),
        ([{"directoryUrl": SECOND, "accountUri": "x"}], "fallbacks[0].accountKeyPem"),
    ],
)
def test_a_ca_that_is_named_twice_and_half_an_account_are_refused(
    fallbacks: list[dict[str, str]], refused: str
) -> None:
    found = refusals({"directoryUrl": FIRST, "fallbacks": fallbacks})
    assert [each.path for each in found] == [refused]


def test_each_fallback_is_checked_as_the_certificate_itself_is() -> None:
    given = {
        "fallbacks": [{"directoryUrl": "letsencrypt"}, {"email": "nobody"}, "https://x", {"directoryUrl": 3}]
    }
    checked = check((FALLBACKS,), given)
    assert checked.inputs["fallbacks"][0]["directoryUrl"].startswith("https://acme-v02.")
    assert [each.path for each in checked.failures] == [
        "fallbacks[1].directoryUrl",
        "fallbacks[1].email",
        "fallbacks[2]",
        "fallbacks[3].directoryUrl",
    ]


def test_what_a_preview_does_not_know_of_them_passes() -> None:
    known = {"directoryUrl": SECOND, "accountUri": UNKNOWN, "accountKeyPem": UNKNOWN}
    checked = check((FALLBACKS,), {"fallbacks": [known, UNKNOWN]})
    assert checked.failures == []
    assert refusals({"directoryUrl": FIRST, **checked.inputs}) == []
    assert check((FALLBACKS,), {"fallbacks": UNKNOWN}).failures == []

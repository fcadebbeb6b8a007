"""Ordering within what a CA allows: nothing is asked of it that its limits are known to refuse.

The broker's ledger counts for all stacks. What can't be ordered yet is waited for where that is short, and
else fails with which limit holds it back, and until when. What the CA refuses all the same, because others
use the limit as well, is noted with the time that it asks for.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from stacks.allowances import Claim, Event, claim, tell
from stacks.broker import BrokerError, BrokerUnavailable
from stacks.errors import StackError
from stacks.provider.acme.identifiers import told
from stacks.provider.acme.problems import AuthorityError
from stacks.provider.run import Operation

if TYPE_CHECKING:
    from stacks.provider.acme.authority import Access, Answer

ATTEMPTS = 3
SHORT_SECONDS = 90.0
"""What is possible again so soon is waited for."""


class LimitReached(StackError):
    """A CA's limit, or its own word, holds an order back."""


def order(
    operation: Operation,
    access: "Access",
    names: Sequence[str],
    post: "Callable[[], Answer]",
    *,
    replaces: bool = False,
) -> "Answer":
    """The answer to newOrder, which `post` asks for; raises LimitReached, AuthorityError, BrokerError."""
    wanted = Claim(access.directory_url, access.account_uri, tuple(names), replaces)
    doing = f"order a certificate for {told(names)}"
    for attempt in range(1, ATTEMPTS + 1):
        claimed = _claimed(operation, wanted, doing)
        try:
            answer = post()
        except AuthorityError as error:
            _refused(operation, wanted, claimed, error)
            if attempt == ATTEMPTS or not _is_short(operation, error.retry_after):
                raise
            operation.say(f"waiting as the CA asked: {error}")
            operation.wait(error.retry_after or 0.0, f"the CA, to {doing}")
        else:
            if claimed is not None:
                left, url = _seconds_left(answer.body.get("expires")), answer.location
                _told(operation, Event("placed", wanted.directory_url, claimed, order_url=url, seconds=left))
            return answer
    raise ValueError("an order is asked for at least once")


def account(operation: Operation, directory_url: str, post: "Callable[[], Answer]") -> "Answer":
    """The CA's answer to newAccount, which `post` asks for. Raises as `order` does."""
    _claimed(operation, Claim(directory_url), "make an account")
    try:
        return post()
    except AuthorityError as error:
        if error.retry_after is not None:
            wait = Event("wait", directory_url, endpoint="newAccount", seconds=error.retry_after)
            _told(operation, wait)
        raise


def issued(operation: Operation, directory_url: str, order_url: str) -> None:
    """The order's certificate is there."""
    _told(operation, Event("issued", directory_url, order_url=order_url))


def given_up(operation: Operation, directory_url: str, order_url: str) -> None:
    """No certificate comes of the order."""
    _told(operation, Event("given-up", directory_url, order_url=order_url))


def validated(operation: Operation, access: "Access", identifier: str, *, valid: bool) -> None:
    """The CA looked at a name, and found what proves it or not."""
    event = "valid" if valid else "invalid"
    found = Event(event, access.directory_url, account_uri=access.account_uri, identifier=identifier)
    _told(operation, found)


def _claimed(operation: Operation, wanted: Claim, doing: str) -> str | None:
    """The claim; None where the plugin was started without a broker, so that nobody counts."""
    try:
        broker = operation.run.broker
    except BrokerUnavailable:
        return None
    while True:
        answer = claim(broker, wanted)
        if answer.claim is not None:
            return answer.claim
        if not _is_short(operation, answer.seconds):
            raise LimitReached(f"could not {doing} now: {answer.why}", hint=answer.hint)
        operation.say(f"waiting: {answer.why}")
        operation.wait(answer.seconds or 0.0, f"what the CA allows, to {doing}")


def _is_short(operation: Operation, seconds: float | None) -> bool:
    return seconds is not None and seconds < min(SHORT_SECONDS, operation.remaining)


def _refused(operation: Operation, wanted: Claim, claimed: str | None, error: AuthorityError) -> None:
    """The CA made no order, or none whose URL is known, which nobody can finish."""
    if claimed is not None:
        said = Event("refused", wanted.directory_url, claim=claimed, asked=wanted, seconds=error.retry_after)
        _told(operation, replace(said, detail=str(error)))


def _seconds_left(expires: object) -> float | None:
    try:
        return max(0.0, (datetime.fromisoformat(str(expires)) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return None


def _told(operation: Operation, event: Event) -> None:
    """What can't be noted spoils nothing that the CA did: the claim ends by itself."""
    try:
        tell(operation.run.broker, event)
    except BrokerUnavailable:
        return
    except BrokerError as error:
        operation.warn(f"what the CA did was not noted: {error} — next: {error.hint}")

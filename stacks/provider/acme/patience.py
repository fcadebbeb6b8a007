"""Keeping what a CA asks for with Retry-After (RFC 8555 6.6, RFC 9110 10.2.3): no request before its time.

An answer of 429 or 503 with Retry-After closes its endpoint until then, for this process and, through the
ledger of the broker, for those of all stacks. A short time is waited; for a long one the operation fails, and
says when it can be tried again. What a CA says of one limit (`rateLimited` on newOrder and newAccount) closes
no endpoint: `allowance` notes what it holds back.
"""

import email.utils
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from stacks.allowances import MOST_SECONDS, Event, tell, waits
from stacks.broker import BrokerError
from stacks.moments import moment, span
from stacks.provider.acme.problems import AuthorityError

if TYPE_CHECKING:
    from stacks.provider.run import Run

BUSY = {429, 503}
LEAST_SECONDS = 0.5
PATIENCE_SECONDS = 60.0
"""How long one request waits in all, before its operation fails."""
NAMES = ("newNonce", "newAccount", "newOrder", "newAuthz", "revokeCert", "keyChange", "renewalInfo")


class Patience:
    """What the CAs of this process asked for. For many threads; without a run nobody else hears of it."""

    def __init__(self, run: "Run | None" = None) -> None:
        self._run = run
        self._lock = threading.Lock()
        self._names: dict[str, str] = {}
        self._until: dict[tuple[str, str], float] = {}
        self._asked: set[str] = set()

    def learn(self, directory_url: str, directory: Mapping[str, Any]) -> None:
        """The endpoints of a CA, by the names of its directory (RFC 8555 7.1.1)."""
        with self._lock:
            self._names[directory_url] = "directory"
            self._names |= {str(directory[name]): name for name in NAMES if name in directory}

    def before(self, directory_url: str, url: str, waited: float) -> float:
        """Wait until the endpoint may be asked, and return the seconds; `waited` were spent already.

        Raises AuthorityError where that is longer than a request waits, Interrupted where it was cancelled.
        """
        endpoint = self._endpoint(url)
        with self._lock:
            self._hear_of_others(directory_url)
            until = self._until.get((directory_url, endpoint), 0.0)
        seconds = until - time.time()
        if seconds <= 0:
            return 0.0
        if waited + seconds > PATIENCE_SECONDS:
            raise closed(directory_url, endpoint, seconds)
        self._wait(seconds, f"the CA at {directory_url}, which asked to wait")
        return seconds

    def heard(self, directory_url: str, url: str, seconds: float, *, of_a_limit: bool) -> bool:
        """An answer asked to wait; `of_a_limit`: about one limit. Returns whether it closes the endpoint."""
        endpoint = self._endpoint(url)
        if of_a_limit and endpoint in {"newOrder", "newAccount"}:
            return False
        kept = max(seconds, LEAST_SECONDS)
        with self._lock:
            place = directory_url, endpoint
            self._until[place] = max(self._until.get(place, 0.0), time.time() + kept)
        if self._run is not None:
            with suppress(BrokerError):  # this process keeps to it all the same
                tell(self._run.broker, Event("wait", directory_url, endpoint=endpoint, seconds=kept))
        return True

    def _endpoint(self, url: str) -> str:
        """Its name in the directory; what is no resource of its own there is known by its URL."""
        if (name := self._names.get(url)) is not None:
            return name
        return self._names.get(url.rpartition("/")[0], url)  # renewal information (RFC 9773 4.1)

    def _hear_of_others(self, directory_url: str) -> None:
        """What other processes were told, once per CA; with the lock held."""
        if self._run is None or directory_url in self._asked:
            return
        self._asked.add(directory_url)
        try:
            found = waits(self._run.broker, directory_url)
        except BrokerError:
            return
        for endpoint, seconds in found.items():
            self._until[(directory_url, endpoint)] = time.time() + seconds

    def _wait(self, seconds: float, what: str) -> None:
        from stacks.provider.run import Interrupted

        cancelled = self._run.cancelled if self._run is not None else threading.Event()
        if cancelled.wait(seconds):
            raise Interrupted(
                f"cancelled while waiting for {what}",
                hint="run `tic stack up` again, it continues where this run stopped",
            )


def closed(directory_url: str, endpoint: str, seconds: float) -> AuthorityError:
    """The CA wants no request yet."""
    return AuthorityError(
        f"the CA at {directory_url} asked to wait, and wants no request to {endpoint} before "
        f"{moment(time.time() + seconds)} (in {span(seconds)})",
        hint=later(seconds),
        retry_after=seconds,
    )


def overloaded(directory_url: str, doing: str, status: int, seconds: float | None) -> AuthorityError:
    """An answer of 429 or 503 that says nothing more, as of what stands before the CA."""
    return AuthorityError(
        f"could not {doing}: the CA at {directory_url} takes no requests now (HTTP {status})",
        hint=later(seconds),
        status=status,
        retry_after=seconds,
    )


def later(seconds: float | None) -> str:
    """The next step where a CA asked to wait so long."""
    if seconds is None:
        return "run `tic stack up` again in a while; the CA does not say when"
    return f"run `tic stack up` again after {moment(time.time() + seconds)}; what waits: tic cert limits"


def seconds_until(retry_after: str | None, now: datetime) -> float | None:
    """A Retry-After header (RFC 9110 10.2.3: seconds or a date) as seconds from `now`, which is aware.

    At most MOST_SECONDS.
    """
    if retry_after is None:
        return None
    if retry_after.strip().isdecimal():
        return min(float(retry_after), MOST_SECONDS)
    try:
        until = email.utils.parsedate_to_datetime(retry_after)
    except ValueError:
        return None
    seconds = (until.replace(tzinfo=until.tzinfo or UTC) - now).total_seconds()
    return min(max(0.0, seconds), MOST_SECONDS)

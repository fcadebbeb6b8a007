"""What is known of a certificate after something was tried, put off or heard; pure: times are arguments.

Whatever renews certificates, or imitates it with a clock of its own, writes what these give.
"""

from dataclasses import replace
from datetime import datetime

from engine.certificates.kept import Kept, Standing
from engine.certificates.schedule import retry_at
from stacks.provider.acme.epoch import Window

PROBLEM_LENGTH = 500


def begun(one: Kept, standing: Standing) -> Standing:
    """Before the run that renews it: the epoch that is wanted, which a run that dies leaves to the next."""
    return replace(standing, wanted_epoch=max(standing.wanted_epoch or 0, one.held.epoch + 1))


def ended(standing: Standing) -> Standing:
    """It is renewed, and what depends on it is done."""
    return replace(standing, failures=0, tried_at=None, retry_at=None, problem="", wanted_epoch=None)


def failed(one: Kept, standing: Standing, problem: str, now: datetime, *, made: bool) -> Standing:
    """It is not renewed; or it is `made`, and what depends on it is not done, which is what is left to do."""
    failures = standing.failures + 1
    return replace(
        standing,
        failures=failures,
        tried_at=now,
        retry_at=retry_at(failures, now, one.held.not_after),
        problem=problem[:PROBLEM_LENGTH],
        wanted_epoch=one.held.epoch if made else standing.wanted_epoch,
    )


def put_off(standing: Standing, until: datetime, why: str) -> Standing:
    """It is due and was not tried, as it could only have failed: no failure, and nothing is done before."""
    return replace(standing, retry_at=until, problem=why[:PROBLEM_LENGTH])


def not_before(standing: Standing, moment: datetime) -> Standing:
    """What failed is tried again no earlier than it can come of something."""
    again = moment if standing.retry_at is None else max(moment, standing.retry_at)
    return replace(standing, retry_at=again)


def heard(standing: Standing, window: Window, ask_again: datetime) -> Standing:
    """The CA has said when it wants it renewed (RFC 9773)."""
    return replace(standing, window=window, ask_again=ask_again)

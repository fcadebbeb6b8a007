"""When certificates are renewed and tried again (E1)."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from engine.certificates.schedule import AT_ONCE, LONGEST_PAUSE, due_at, retry_at
from stacks.provider.acme.epoch import Held, Window

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
LIFETIMES = st.sampled_from([timedelta(days=90), timedelta(days=47), timedelta(days=6), timedelta(hours=1)])


def held(lifetime: timedelta = timedelta(days=90), epoch: int = 3) -> Held:
    return Held(epoch, "0a1b", BEGIN, BEGIN + lifetime)


def test_without_a_word_of_the_ca_a_third_of_the_lifetime_is_left() -> None:
    assert due_at(held(), None, None, None) == BEGIN + timedelta(days=60)
    assert due_at(held(timedelta(days=6)), None, None, None) == BEGIN + timedelta(days=4)


def test_the_window_of_the_ca_goes_before_the_age() -> None:
    window = Window(BEGIN + timedelta(days=1), BEGIN + timedelta(days=2))
    assert window.start <= due_at(held(), window, None, None) <= window.end


def test_a_higher_epoch_that_is_wanted_is_due_at_once_and_one_that_is_there_is_not() -> None:
    assert due_at(held(), None, 4, None) == AT_ONCE
    assert due_at(held(), None, 3, None) == BEGIN + timedelta(days=60)


def test_what_failed_is_due_at_its_next_attempt_however_much_it_is_wanted() -> None:
    again = BEGIN + timedelta(days=70)
    assert due_at(held(), None, 4, again) == again
    assert due_at(held(), None, None, BEGIN) == BEGIN


@given(LIFETIMES)
def test_an_outage_is_met_by_more_attempts_the_nearer_the_end_is(lifetime: timedelta) -> None:
    """From the first that is due to the end there are several, and none comes sooner than ten minutes on."""
    end = BEGIN + lifetime
    now, failures = due_at(held(lifetime), None, None, None), 0
    while now < end:
        failures += 1
        again = retry_at(failures, now, end)
        assert timedelta(minutes=10) <= again - now <= LONGEST_PAUSE
        assert again < end or end - now <= timedelta(minutes=10)
        now = again
    assert failures >= 2

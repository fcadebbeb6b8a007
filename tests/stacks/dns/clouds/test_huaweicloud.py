"""Huawei Cloud's record sets, which are replaced as a whole: nobody's value is lost, whoever writes when."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from threading import Barrier, Lock, Thread

import pytest

from stacks.dns.clouds.account import Alone, CloudRecords
from stacks.dns.clouds.calls import Calling
from stacks.dns.clouds.huaweicloud import MOST_ROUNDS, HuaweiCloud
from stacks.dns.clouds.signing import Keys
from stacks.dns.publisher import ProviderFailed, Record
from stacks.dns.record import Challenge
from tests.emulators.huaweicloud_dns import CREATE, HOST, LIST, UPDATE, HuaweiCloudDns
from tests.emulators.proxy import Clouds, clouds
from tests.emulators.signing import Key

KEY = Key("AKIDEXAMPLE", "the-secret-of-the-key-0123456789", "1", "alice")
ZONE = "example.test"
NAME = f"_acme-challenge.{ZONE}"


def record(token: str = "one") -> Record:  # noqa: S107
    return Record(Challenge(ZONE, token, f"{token}.thumbprint"), NAME)


@pytest.fixture
def api() -> HuaweiCloudDns:
    return HuaweiCloudDns([KEY])


@pytest.fixture
def env(api: HuaweiCloudDns) -> Iterator[Clouds]:
    with clouds({HOST: api}) as made:
        yield made


def account(env: Clouds, alone: Alone = lambda name: nullcontext()) -> CloudRecords:
    calling = Calling(Keys(KEY.id, KEY.secret), env, 5.0)
    return CloudRecords("huaweicloud", HuaweiCloud(calling, alone=alone, pause=lambda seconds: None))


def meanwhile(action: str, once: Callable[[], None]) -> Callable[[str], None]:
    """Do it once, right before the first call of this action is done."""
    left = [once]

    def before(called: str) -> None:
        if called == action and left:
            left.pop()()

    return before


def test_a_set_that_somebody_makes_at_the_same_moment_gets_this_value_too(
    api: HuaweiCloudDns, env: Clouds
) -> None:
    api.before = meanwhile(CREATE, lambda: api.put(ZONE, NAME, "theirs"))
    asks = account(env)
    asks.perform(record())
    assert sorted(api.txt()[NAME]) == sorted(["theirs", record().value])
    asks.close()


def test_a_value_that_somebody_undoes_is_written_again_beside_theirs(
    api: HuaweiCloudDns, env: Clouds
) -> None:
    api.put(ZONE, NAME, "there before")
    looks = 0

    def before(action: str) -> None:
        nonlocal looks
        looks += action == LIST
        if (
            action == LIST and looks == 2
        ):  # it looks whether its update held: somebody wrote what they had read
            api.put(ZONE, NAME, "there before", "theirs")

    api.before = before
    asks = account(env)
    asks.perform(record())
    assert sorted(api.txt()[NAME]) == sorted(["there before", "theirs", record().value])
    asks.close()


def test_a_set_that_goes_away_before_it_is_updated_is_made_anew(api: HuaweiCloudDns, env: Clouds) -> None:
    api.put(ZONE, NAME, "there before")
    api.before = meanwhile(UPDATE, lambda: api.sets.clear())
    asks = account(env)
    asks.perform(record())
    assert api.txt() == {NAME: [record().value]}
    asks.close()


def test_who_undoes_it_each_time_is_told_and_what_was_written_is_not_called_untouched(
    api: HuaweiCloudDns, env: Clouds
) -> None:
    def before(action: str) -> None:
        if action == LIST:
            api.put(ZONE, NAME, "theirs")

    api.before = before
    asks = account(env)
    with pytest.raises(ProviderFailed, match=f"written {MOST_ROUNDS} times") as failed:
        asks.perform(record())
    assert not failed.value.untouched
    asks.close()


def test_what_may_have_been_written_is_not_called_untouched(api: HuaweiCloudDns, env: Clouds) -> None:
    def lose_the_right_to_look(action: str) -> None:
        if action == CREATE:
            api.keys[KEY.id] = replace(KEY, denied=frozenset({LIST}))

    api.before = lose_the_right_to_look
    asks = account(env)
    with pytest.raises(ProviderFailed) as failed:
        asks.perform(record())
    assert not failed.value.untouched
    with pytest.raises(ProviderFailed) as failed:
        asks.perform(record("two"))
    assert failed.value.untouched
    asks.close()


def test_who_is_stopped_asks_nothing_more(api: HuaweiCloudDns, env: Clouds) -> None:
    asks = account(env)
    api.before = meanwhile(CREATE, asks.stop)
    with pytest.raises(ProviderFailed, match="run is ending") as failed:
        asks.perform(record())
    assert not failed.value.untouched
    assert not asks.usable
    assert env.requests[-1].method == "POST"
    asks.close()


def test_the_value_of_others_keeps_its_ttl_and_description(api: HuaweiCloudDns, env: Clouds) -> None:
    api.put(ZONE, NAME, "theirs")
    (held,) = api.sets.values()
    held["ttl"] = 77
    asks = account(env)
    asks.perform(record())
    asks.cleanup(record())
    (after,) = api.sets.values()
    assert (after["ttl"], after["description"], after["records"]) == (77, "theirs", ['"theirs"'])
    asks.close()


def test_many_at_one_name_at_once_lose_nothing_where_one_at_a_time_writes(
    api: HuaweiCloudDns, env: Clouds
) -> None:  # D5: as two processes of one vault do
    lock = Lock()

    @contextmanager
    def one_at_a_time(name: str) -> Iterator[None]:
        with lock:
            yield

    tokens = [f"t{number}" for number in range(6)]
    together = Barrier(len(tokens))
    failed: list[Exception] = []

    def publishes(token: str) -> None:
        asks = account(env, one_at_a_time)
        together.wait()
        try:
            asks.perform(record(token))
            if int(token[1:]) % 2:
                asks.cleanup(record(token))
        except Exception as error:  # it belongs to the test's own thread
            failed.append(error)
        finally:
            asks.close()

    threads = [Thread(target=publishes, args=(token,)) for token in tokens]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert sorted(api.txt()[NAME]) == sorted(record(token).value for token in tokens[::2])

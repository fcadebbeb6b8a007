"""Whatever a cloud answers: the record is published, or one error says that it is not; nothing else comes."""

import copy
import json
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from threading import Event
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stacks.dns.clouds import publisher
from stacks.dns.clouds.signing import Keys
from stacks.dns.publisher import ProviderFailed, Record
from stacks.dns.record import Challenge
from tests.emulators.proxy import Clouds, Handler, Request, Response, clouds
from tests.stacks.dns.clouds.test_account import KEY, MAKERS

CHALLENGE = Challenge("example.test", "one", "one.thumbprint")
RECORD = Record(CHALLENGE, CHALLENGE.name)
SCALARS = st.none() | st.booleans() | st.integers(-3, 10**25) | st.floats() | st.text(max_size=8)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
)


@pytest.fixture(params=MAKERS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def service() -> list[Handler]:
    """The handler that answers now."""
    return []


@pytest.fixture
def env(kind: str, service: list[Handler]) -> Iterator[Clouds]:
    with clouds({MAKERS[kind][0]: lambda request: service[-1](request)}) as made:
        yield made


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where something stands in a JSON value, itself first."""
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inner:
        yield from places(one, (*path, key))


def changed(value: Any, path: tuple[Any, ...], other: Any) -> Any:
    """The JSON value with something else at one place."""
    if not path:
        return other
    made = copy.deepcopy(value)
    at = made
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = other
    return made


def odd(api: Handler, pick: Callable[[int], int], other: Any, number: int) -> Handler:
    """The cloud, whose answer `number` is not as it should be."""
    left = [number]

    def answer(request: Request) -> Response:
        response = api(request)
        left[0] -= 1
        if left[0]:
            return response
        value = json.loads(response.body)
        every = list(places(value))
        return Response.json(changed(value, every[pick(len(every))], other), response.status)

    return answer


def test_what_is_odd_in_an_answer_is_an_error_or_does_not_matter(
    kind: str, service: list[Handler], env: Clouds
) -> None:
    told: list[str] = []

    @settings(max_examples=25, deadline=None)
    @given(st.integers(0, 10**6), VALUES, st.integers(1, 4), st.sampled_from(["perform", "cleanup"]))
    def holds(place: int, other: Any, number: int, verb: str) -> None:
        api = MAKERS[kind][1]([KEY], named=("example.test",))
        if kind != "huaweicloud":
            api.put("example.test", "_acme-challenge", RECORD.value if verb == "cleanup" else "theirs")
        else:
            api.put("example.test", RECORD.name, RECORD.value if verb == "cleanup" else "theirs")
        service.append(odd(api, lambda many: place % many, other, number))
        keys = Keys(KEY.id, KEY.secret, KEY.token)
        asks = publisher(kind, keys, machine=env, alone=lambda name: nullcontext(), seconds=5.0)
        try:
            getattr(asks, verb)(RECORD)
        except ProviderFailed as failed:
            told.append(f"{failed}{failed.hint}")
        finally:
            asks.close()

    holds()
    assert told
    assert not any(KEY.secret in one for one in told)


def test_a_cloud_that_does_not_answer_is_given_up_on(kind: str, service: list[Handler], env: Clouds) -> None:
    over = Event()

    def silent(request: Request) -> Response:
        over.wait(10)
        return Response()

    service.append(silent)
    keys = Keys(KEY.id, KEY.secret)
    asks = publisher(kind, keys, machine=env, alone=lambda name: nullcontext(), seconds=0.05)
    with pytest.raises(ProviderFailed, match=r"no answer within 0\.05 s") as failed:
        asks.perform(RECORD)
    over.set()
    assert failed.value.untouched
    asks.close()

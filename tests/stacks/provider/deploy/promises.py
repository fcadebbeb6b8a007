"""What a target promises whose service replaces nothing in place; the tests of such targets inherit these."""

import logging
import os
import random
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Protocol, TypeVar, cast

import pytest

from credentials import privileges
from stacks.broker import OpenedFields
from stacks.errors import StackError
from stacks.provider.deploy.key_form import traditional
from stacks.provider.deploy.stored import StoredCertificate
from stacks.provider.properties import Change
from stacks.provider.run import Operation, Run
from tests.emulators.certificate_store import Kept, kept
from tests.emulators.proxy import Handler, Request, Response, clouds
from tests.emulators.signing import Key
from tests.servers.challtestsrv import Challtestsrv
from tests.stacks.provider.acme.chains import Chain, chain
from tests.stacks.provider.broker_server import BrokerServer, broker_server
from tests.stacks.provider.driver import Ear, State

T = TypeVar("T")

URN = "urn:pulumi:dev::proj::type::site"
FAULTS = 0.1  # of all calls
TRIES = 12
SEEDS = [*range(2), *(pytest.param(seed, marks=pytest.mark.soak) for seed in range(2, 40))]
ODD = (b"", b"[]", b"{}", b"null", b"<html>portal</html>", b'{"Response": {}}', b'{"certificates": {}}')


class Store(Protocol):
    """An emulator of a certificate service; `used` are the users of a certificate, by its id."""

    keys: dict[str, Key]
    kept: dict[str, Kept]
    used: dict[str, list[str]]

    def __call__(self, request: Request) -> Response: ...

    def put(self, name: str, pem: str, key: str) -> str: ...

    def taken(self) -> list[str]: ...


@dataclass(slots=True)
class World:
    """A target, its service, and a stack's state of it: each act is a run of its own."""

    target: StoredCertificate[Any]
    store: Store
    broker: BrokerServer
    secrets: list[str]
    ear: Ear = field(default_factory=Ear)
    errors: list[str] = field(default_factory=list)

    def operation(self) -> Operation:
        return Operation.begin(Run({**os.environ, **self.broker.environment}, self.ear), URN)

    def inputs(self, made: Chain, **more: Any) -> State:
        self.secrets += [line for form in (made.key, traditional(made.key)) for line in inner_lines(form)]
        given = {
            "certificatePem": made.certificate,
            "chainPem": made.intermediate,
            "privateKeyPem": made.key,
            **more,
        }
        checked = self.target.check(given)
        assert checked.failures == []
        return checked.inputs

    def create(self, made: Chain, **more: Any) -> State:
        inputs = self.inputs(made, **more)
        created = self.told(lambda: self.target.create(self.operation(), inputs))
        assert created.id == created.outputs["certificateId"]
        assert set(created.outputs) <= {each.name for each in self.target.outputs}
        self.hides(repr(created))
        return {**inputs, **created.outputs}

    def update(self, state: State, made: Chain, **more: Any) -> State:
        inputs = self.inputs(made, **more)
        outputs = self.told(lambda: self.target.update(self.operation(), state, inputs))
        self.hides(repr(outputs))
        return {**inputs, **outputs}

    def diff(self, state: State, made: Chain, **more: Any) -> dict[str, Change]:
        return self.target.diff(self.operation(), state, self.inputs(made, **more), ())

    def read(self, state: State) -> State | None:
        outputs = self.told(lambda: self.target.read(self.operation(), state))
        return None if outputs is None else {**state, **outputs}

    def delete(self, state: State) -> None:
        self.told(lambda: self.target.delete(self.operation(), state))

    def told(self, act: Callable[[], T]) -> T:
        """Do it; what it raises is kept, with all that a traceback shows."""
        try:
            return act()
        except StackError as error:
            self.errors.append(f"{traceback.format_exc()}\n{error!r}\n{error.hint}")
            raise

    def hides(self, text: str) -> None:
        """Nothing secret is in this text."""
        assert not [secret for secret in self.secrets if secret in text], "a secret is told"

    def ours(self) -> dict[str, str]:
        """The SHA-256 of each certificate of ours, by id."""
        return {id_: one.sha256 for id_, one in self.store.kept.items() if one.name.startswith("tic-")}

    def bind(self, **fields: str) -> None:
        """Let the stack's credential have these fields besides."""
        opened = self.broker.credentials[self.target.kind]
        self.secrets += fields.values()
        self.broker.credentials[self.target.kind] = OpenedFields(opened.kind, {**opened.fields, **fields})

    def swap(self, id_: str, made: Chain) -> None:
        """Let somebody have another certificate there."""
        self.store.kept[id_] = kept("another", [made.certificate], traditional(made.key))

    def deny(self, *actions: str) -> None:
        """Take these permissions away from every key."""
        for id_, key in self.store.keys.items():
            self.store.keys[id_] = replace(key, denied=frozenset(actions))


class Unreliable:
    """A service a part of whose calls fails: it breaks down, or hangs up, before or after it did its part."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self._random: random.Random | None = None
        self.odd: bytes | None = None

    def begin(self, seed: int) -> None:
        """Fail from now on."""
        self._random = random.Random(seed)

    def __call__(self, request: Request) -> Response:
        if self.odd is not None:
            return Response(200, {"content-type": "application/json"}, self.odd)
        if self._random is None or self._random.random() >= FAULTS:
            return self._handler(request)
        if self._random.random() < 0.5:
            self._handler(request)
        if self._random.random() < 0.5:
            raise ConnectionResetError
        return Response(500, {"content-type": "text/html"}, b"<html>broken</html>")


def inner_lines(pem: str) -> list[str]:
    return [line for line in pem.splitlines() if line and not line.startswith("---")]


@contextmanager
def world(
    target: StoredCertificate[Any],
    store: Store,
    hosts: dict[str, Handler],
    fields: dict[str, str],
    secrets: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[World]:
    """A world whose clouds are these hosts; at its end nothing that failed has told a secret."""
    with broker_server(cast("Challtestsrv", None)) as broker, clouds(hosts) as environment:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        broker.credentials[target.kind] = OpenedFields(target.kind, fields)
        made = World(target, store, broker, secrets)
        yield made
        assert environment.refused == []
        for text in (*made.errors, *made.ear.warned, *made.ear.said):
            made.hides(text)


class Promises:
    """Inherited by the tests of each target, which have the fixture `at` and name the permissions."""

    UPLOAD: ClassVar[str]
    DELETE: ClassVar[str]
    LOOK: ClassVar[str]
    EXTRA: ClassVar[str]
    SDK: ClassVar[str]

    def test_a_certificate_goes_in_with_its_chain(self, at: World) -> None:  # E2
        made = chain("a.test")
        state = at.create(made)
        (one,) = at.store.kept.values()
        assert at.ours() == {state["certificateId"]: state["fingerprint"]}
        assert (one.pem, one.complete, len(one.chain)) == (made.certificate, True, 1)
        assert one.key == traditional(made.key)  # which starts with BEGIN EC PRIVATE KEY
        assert one.name.startswith("tic-site-")
        assert state["serial"] == "1234"
        assert (state["superseded"], state["drift"]) == (None, None)

    @pytest.mark.parametrize("wrong", ["key", "chain", "names"])
    def test_what_does_not_belong_together_is_not_sent(self, at: World, wrong: str) -> None:  # E2
        made, other = chain("a.test"), chain("a.test")
        given = {
            "key": replace(made, key=other.key),
            "chain": replace(made, intermediate=other.intermediate),
            "names": made,
        }[wrong]
        with pytest.raises(StackError, match="nothing was sent"):
            at.create(given, domains=["b.test"] if wrong == "names" else None)
        assert at.store.taken() == []

    def test_the_same_again_changes_nothing(self, at: World) -> None:
        made = chain("a.test")
        state = at.create(made)
        assert at.diff(state, made) == {}
        assert at.read(state) == state
        at.store.taken()
        assert at.update(state, made) == state
        assert not {self.UPLOAD, self.DELETE} & set(at.store.taken())

    def test_a_renewal_replaces_it(self, at: World) -> None:  # E2
        state = at.create(chain("a.test"))
        renewed = at.update(state, chain("a.test", serial=0x5678))
        assert at.ours() == {renewed["certificateId"]: renewed["fingerprint"]}
        assert renewed["certificateId"] != state["certificateId"]
        assert (renewed["serial"], renewed["superseded"]) == ("5678", None)

    def test_what_is_used_stays_until_nothing_uses_it(self, at: World) -> None:  # E2
        state = at.create(chain("a.test"))
        old = state["certificateId"]
        at.store.used[old] = ["cdn.a.test"]
        made = chain("a.test", serial=2)
        renewed = at.update(state, made)
        assert set(at.ours()) == {old, renewed["certificateId"]}
        assert renewed["superseded"] == [old]
        assert "cdn" in at.ear.warned[0]
        assert at.diff(renewed, made) == {"superseded": Change.UPDATE}
        with pytest.raises(StackError, match="stays at"):
            at.delete(renewed)
        del at.store.used[old]
        again = at.update(renewed, made)
        assert set(at.ours()) == {again["certificateId"]} == {renewed["certificateId"]}
        assert at.diff(again, made) == {}

    def test_a_refresh_sees_that_it_is_gone_or_another(self, at: World) -> None:
        made = chain("a.test")
        state = at.create(made)
        at.swap(state["certificateId"], chain("a.test", serial=9))
        seen = at.read(state)
        assert seen is not None
        assert seen["drift"]
        assert at.diff(seen, made) == {"drift": Change.UPDATE}
        assert at.update(seen, made)["fingerprint"] in at.ours().values()
        at.store.kept.clear()
        assert at.read(state) is None

    def test_what_is_gone_is_put_back_by_an_update(self, at: World) -> None:
        made = chain("a.test")
        state = at.create(made)
        at.store.kept.clear()
        again = at.update(state, made)
        assert at.ours() == {again["certificateId"]: again["fingerprint"]}

    def test_destroying_removes_its_own_and_nothing_else(self, at: World) -> None:  # E2
        made = chain("a.test")
        theirs = at.store.put("theirs", made.certificate + made.intermediate, traditional(made.key))
        state = at.create(made)
        assert state["certificateId"] != theirs
        at.delete(state)
        assert set(at.store.kept) == {theirs}
        at.delete(state)

    def test_what_a_killed_run_uploaded_is_found(self, at: World) -> None:
        made = chain("a.test")
        for number in range(60):  # more than a page
            other = chain("b.test", serial=number + 10)
            at.store.put(f"other-{number}", other.certificate, traditional(other.key))
        lost = at.create(made)
        again = at.create(made)
        assert again["certificateId"] == lost["certificateId"]
        assert len(at.ours()) == 1

    def test_a_permission_that_is_missing_is_named(self, at: World) -> None:
        at.deny(self.UPLOAD)
        with pytest.raises(StackError) as refused:
            at.create(chain("a.test"))
        assert self.UPLOAD in str(refused.value)
        assert f"tic creds privileges {at.target.kind} --for deploy" in refused.value.hint
        at.deny()
        state = at.create(chain("a.test"))
        at.deny(self.DELETE)
        with pytest.raises(StackError, match=self.DELETE):
            at.delete(state)
        at.deny()
        at.delete(state)
        assert at.ours() == {}

    def test_who_may_not_remove_the_old_one_has_the_new_one_all_the_same(self, at: World) -> None:
        state = at.create(chain("a.test"))
        old = state["certificateId"]
        for serial, action in enumerate((self.LOOK, self.DELETE), 2):
            at.deny(action)
            made = chain("a.test", serial=serial)
            renewed = at.update(state, made)
            assert (renewed["serial"], renewed["superseded"]) == (f"{serial:x}", [old])
            assert action in at.ear.warned[-1]
            assert "tic creds privileges" in at.ear.warned[-1]
            at.deny()
            cleared = at.update(renewed, made)
            assert set(at.ours()) == {cleared["certificateId"]} == {renewed["certificateId"]}
            state, old = cleared, cleared["certificateId"]

    def test_a_wrong_secret_is_told(self, at: World) -> None:
        for id_, key in at.store.keys.items():
            at.store.keys[id_] = replace(key, secret="another")
        with pytest.raises(StackError, match="refuses") as refused:
            at.create(chain("a.test"))
        assert "tic creds rotate" in refused.value.hint

    def test_nothing_is_called_that_the_least_privileges_do_not_grant(self, at: World) -> None:  # B9
        state = at.create(chain("a.test"))
        renewed = at.update(state, chain("a.test", serial=2))
        at.read(renewed)
        at.create(chain("a.test"))
        at.delete(renewed)
        granted = str(privileges.load(at.target.kind).purposes["deploy"].policy)
        assert [action for action in set(at.store.taken()) if f"'{action}'" not in granted] == []

    def test_a_missing_package_is_told(self, at: World, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, self.SDK, None)
        with pytest.raises(StackError) as refused:
            at.create(chain("a.test"))
        assert refused.value.exit_code == 6
        assert f"pip install 'tic-engine[{self.EXTRA}]'" in refused.value.hint

    def test_nothing_secret_is_logged(self, at: World, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.DEBUG)
        state = at.create(chain("a.test"))
        at.delete(at.update(state, chain("a.test", serial=2)))
        at.hides(caplog.text)

    @pytest.mark.parametrize("odd", ODD)
    def test_an_answer_in_another_form_is_one_clear_error(
        self, at: World, unreliable: list[Unreliable], odd: bytes
    ) -> None:
        made = chain("a.test")
        state = at.create(made)
        for each in unreliable:
            each.odd = odd
        acts: list[Callable[[], object]] = [
            lambda: at.create(made),
            lambda: at.read(state),
            lambda: at.delete(state),
        ]
        for act in acts:
            with pytest.raises(StackError, match=r"none of .* answers"):
                act()

    @pytest.mark.parametrize("seed", SEEDS)
    def test_with_a_tenth_of_the_calls_failing_all_converges(
        self, at: World, unreliable: list[Unreliable], seed: int
    ) -> None:
        for number, each in enumerate(unreliable):
            each.begin(seed * 10 + number)
        theirs = at.store.put("theirs", *pair(chain("a.test", serial=77)))
        made = chain("a.test")
        state = persistently(lambda: at.create(made))
        for serial in range(2, 6):
            made, before = chain("a.test", serial=serial), state
            state = persistently(lambda made=made, before=before: at.update(before, made))  # type: ignore[misc]
            assert at.ours() == {state["certificateId"]: state["fingerprint"]}
        persistently(lambda: at.delete(state))
        assert set(at.store.kept) == {theirs}
        assert at.ear.warned == []


def pair(made: Chain) -> tuple[str, str]:
    return made.certificate + made.intermediate, traditional(made.key)


def persistently(act: Callable[[], T]) -> T:
    """As `tic stack up` again and again."""
    for _ in range(TRIES):
        try:
            return act()
        except StackError:
            continue
    raise AssertionError(f"not after {TRIES} runs")

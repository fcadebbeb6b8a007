"""A deployment that is driven as the plugin drives it, one run after another, and what its service has."""

import os
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar, cast

import pytest

from stacks.broker import OpenedFields
from stacks.errors import StackError
from stacks.provider.deploy.key_form import telling_lines
from stacks.provider.deploy.stored import StoredCertificate
from stacks.provider.properties import Change
from stacks.provider.run import Operation, Run
from tests.credentials.identity.asking import settle
from tests.emulators.faults import Faulty
from tests.emulators.proxy import Clouds, Handler, clouds
from tests.servers.challtestsrv import Challtestsrv
from tests.stacks.provider.acme.chains import Chain
from tests.stacks.provider.broker_server import BrokerServer, broker_server
from tests.stacks.provider.driver import Ear, State

T = TypeVar("T")


@dataclass(slots=True)
class Placed:
    """A stack with one deployment named `name`; `state` is what it keeps of it, None before the first run.

    `same_run` keeps the plugin's process from one act to the next; else each act has its own. `keys` are the
    lines that tell of the private keys that were deployed.
    """

    target: StoredCertificate[Any]
    broker: BrokerServer
    env: Clouds
    faults: Faulty
    inputs: State = field(default_factory=dict)
    name: str = "site"
    state: State | None = None
    ear: Ear = field(default_factory=Ear)
    failures: list[str] = field(default_factory=list)
    same_run: Run | None = None
    keys: set[str] = field(default_factory=set)

    @property
    def urn(self) -> str:
        return f"urn:pulumi:dev::proj::{self.target.token}::{self.name}"

    @property
    def id(self) -> str:
        assert self.state is not None
        return str(self.state["certificateId"])

    def operation(self) -> Operation:
        run = self.same_run or Run({**os.environ, **self.broker.environment}, self.ear)
        return Operation.begin(run, self.urn)

    def bind(self, **fields: str) -> None:
        """Bind the stack to a credential with these fields."""
        given = {name.replace("_", "-"): value for name, value in fields.items()}
        self.broker.credentials[self.target.kind] = OpenedFields(self.target.kind, given)

    def another(self, name: str) -> "Placed":
        """A deployment of another name in the same stack, with nothing deployed yet."""
        return replace(self, name=name, state=None)

    def checked(self, made: Chain, **more: Any) -> State:
        given = {
            "certificatePem": made.certificate,
            "chainPem": made.intermediate,
            "privateKeyPem": made.key,
            **self.inputs,
            **more,
        }
        checked = self.target.check(given)
        assert checked.failures == []
        self.keys.update(telling_lines(made.key))
        return checked.inputs

    def up(self, made: Chain, **more: Any) -> State:
        """What `tic stack up` does with it."""
        inputs = self.checked(made, **more)
        if self.state is None:
            outputs = self.told(lambda: self.target.create(self.operation(), inputs)).outputs
        elif not self.diff(made, **more):
            return self.state
        else:
            outputs = self.told(lambda: self.target.update(self.operation(), self._state(), inputs))
        assert set(outputs) == {each.name for each in self.target.outputs}
        self.state = {**inputs, **outputs}
        return self.state

    def again(self, made: Chain) -> State:
        """An update, though nothing has changed."""
        inputs = self.checked(made)
        return {**inputs, **self.told(lambda: self.target.update(self.operation(), self._state(), inputs))}

    def diff(self, made: Chain, **more: Any) -> dict[str, Change]:
        inputs = self.checked(made, **more)
        return self.target.diff(self.operation(), self._state(), inputs, ())

    def refresh(self) -> State | None:
        outputs = self.told(lambda: self.target.read(self.operation(), self._state()))
        self.state = None if outputs is None else {**self._state(), **outputs}
        return self.state

    def destroy(self) -> None:
        self.told(lambda: self.target.delete(self.operation(), self._state()))
        self.state = None

    def lose(self) -> None:
        """As a run that was killed before it could keep what it had done."""
        self.state = None

    def remember(self) -> None:
        """Let the broker show the state of before this run, with this deployment in it."""
        shown = {"urn": self.urn, "type": self.target.token, "inputs": {}, "outputs": self._state()}
        before = self.broker.state()
        self.broker.state = lambda: [*before, shown]

    def until_done(self, act: Callable[[], T], most: int = 30) -> T:
        """Run it again, as people do, until it does not fail."""
        for _ in range(most):
            try:
                return act()
            except StackError:
                continue
        raise AssertionError(f"still failing: {self.failures[-1]}")

    def told(self, act: Callable[[], T]) -> T:
        try:
            return act()
        except StackError as error:
            self.failures.append(f"{traceback.format_exc()} {error!r} {error.hint}")
            raise

    def _state(self) -> State:
        assert self.state is not None
        return self.state


@contextmanager
def placed(
    monkeypatch: pytest.MonkeyPatch,
    target: StoredCertificate[Any],
    service: Handler,
    hosts: tuple[str, ...],
    others: Mapping[str, Handler] | None = None,
    **inputs: Any,
) -> Iterator[Placed]:
    """A deployment to `service`, which is at `hosts`; `others` answer beside it."""
    faults = Faulty(service)
    with (
        clouds({**dict.fromkeys(hosts, faults), **(others or {})}) as env,
        broker_server(cast(Challtestsrv, None)) as broker,
    ):
        settle(monkeypatch, env)
        place = Placed(target, broker, env, faults, inputs)
        yield place
        nothing_told(place.keys, [*place.failures, *place.ear.warned, *place.ear.said])


def nothing_told(secrets: Iterable[str], texts: Iterable[str]) -> None:
    """None of the secrets is in one of the texts."""
    whole = "\n".join(texts)
    assert [secret for secret in secrets if secret in whole] == []

"""A service that keeps certificates, in clouds that check signatures, and a target that is driven."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any, cast

import pytest

from stacks.broker import OpenedFields
from stacks.provider.deploy.stored import StoredCertificate
from stacks.provider.properties import Change
from stacks.provider.run import Operation, Run
from tests.credentials.identity.asking import settle
from tests.emulators.certificate_store import Kept, Store
from tests.emulators.proxy import Clouds, Handler, Request, Response, clouds
from tests.emulators.signing import Key, Ring
from tests.servers.challtestsrv import Challtestsrv
from tests.stacks.provider.acme.chains import Chain
from tests.stacks.provider.broker_server import BrokerServer, broker_server
from tests.stacks.provider.driver import Ear, State

KEY = Key("ONE", "cAnArY-secret-of-one", "1", "alice")


@dataclass(slots=True)
class Faults:
    """Answers of the service that never come, or are faults of its own: `rate` of all, seeded."""

    handler: Handler
    chance: Random = field(default_factory=Random)
    rate: float = 0.0
    injected: int = 0

    def __call__(self, request: Request) -> Response:
        """The answer, or a fault before or after what was asked is done."""
        if self.chance.random() >= self.rate:
            return self.handler(request)
        self.injected += 1
        after, cut = self.chance.random() < 0.5, self.chance.random() < 0.5
        if after:
            self.handler(request)
        if cut:
            raise ConnectionResetError
        return Response(500, {"content-type": "text/html", "connection": "close"}, b"<html>500</html>")


@dataclass(slots=True)
class World:
    """One account at one service; every act is a run of its own, with the broker's credential."""

    target: StoredCertificate[Any]
    cloud: Ring
    store: Store
    host: str
    env: Clouds
    faults: Faults
    broker: BrokerServer
    ear: Ear = field(default_factory=Ear)
    resource: str = "site"

    def operation(self) -> Operation:
        environ = {**os.environ, **self.broker.environment}
        urn = f"urn:pulumi:dev::a::{self.target.token}::{self.resource}"
        return Operation.begin(Run(environ, self.ear), urn)

    def named(self, resource: str) -> "World":
        """The same world, for a resource of another name."""
        return replace(self, resource=resource)

    def bind(self, **fields: str) -> None:
        """Let the stack's credential have these fields besides."""
        kind = self.target.kind
        opened = self.broker.credentials[kind]
        self.broker.credentials[kind] = OpenedFields(kind, {**opened.fields, **fields})

    def up(self, state: State | None, made: Chain, **more: Any) -> State:
        """What a run does: make it, or bring it to this certificate where something changed."""
        checked = self.target.check(given(made, **more))
        assert checked.failures == []
        if state is None:
            return {**checked.inputs, **self.target.create(self.operation(), checked.inputs).outputs}
        if not self.diff(state, made, **more):
            return state
        return {**checked.inputs, **self.target.update(self.operation(), state, checked.inputs)}

    def diff(self, state: State, made: Chain, **more: Any) -> dict[str, Change]:
        return self.target.diff(self.operation(), state, self.target.check(given(made, **more)).inputs, ())

    def read(self, state: State) -> State | None:
        outputs = self.target.read(self.operation(), state)
        return None if outputs is None else {**state, **outputs}

    def delete(self, state: State) -> None:
        self.target.delete(self.operation(), state)

    def kept(self, state: State) -> Kept:
        """What the service has under the id of the state."""
        return self.store.kept[state["certificateId"]]


def given(made: Chain, **more: Any) -> State:
    return {
        "certificatePem": made.certificate,
        "chainPem": made.intermediate,
        "privateKeyPem": made.key,
        **more,
    }


@contextmanager
def world(
    monkeypatch: pytest.MonkeyPatch,
    target: StoredCertificate[Any],
    host: str,
    make: Callable[[list[Key]], Any],
    fields: Mapping[str, str] | None = None,
) -> Iterator[World]:
    """A world whose service is what `make` makes: a Ring with a `store`, and a Handler."""
    cloud = make([KEY])
    faults = Faults(cloud)
    own = {"access-key": KEY.id, "secret-key": KEY.secret, **(fields or {})}
    with clouds({host: faults}) as env, broker_server(cast(Challtestsrv, None)) as broker:
        settle(monkeypatch, env)
        broker.credentials[target.kind] = OpenedFields(target.kind, own)
        yield World(target, cloud, cloud.store, host, env, faults, broker)

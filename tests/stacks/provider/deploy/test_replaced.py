"""What a forced replacement left to be deleted takes nothing along that its replacement has (E2)."""

import os
from collections.abc import Iterator
from typing import Any, ClassVar, cast

import pytest

from stacks.broker import OpenedFields
from stacks.provider.deploy.bundle import Bundle
from stacks.provider.deploy.stored import Found, StoredCertificate
from stacks.provider.resource import Values
from stacks.provider.run import Operation, Run
from tests.servers.challtestsrv import Challtestsrv
from tests.stacks.provider.acme.chains import chain
from tests.stacks.provider.broker_server import BrokerServer, broker_server
from tests.stacks.provider.driver import Ear, State

URN = "urn:pulumi:dev::proj::tic:test/shelf:Shelf::site"
Shelf = dict[str, str]
"""The SHA-256 of the certificate at each place."""


class OnAShelf(StoredCertificate[Shelf]):
    """A service where a name is an id, as a key vault's and a cluster's."""

    token = "tic:test/shelf:Shelf"
    description = "A certificate on a shelf."
    kind: ClassVar[str] = "azure"
    label: ClassVar[str] = "the shelf"

    def __init__(self, shelf: Shelf) -> None:
        super().__init__()
        self.shelf = shelf

    def open(self, operation: Operation, account: OpenedFields, inputs: Values) -> Shelf:
        return self.shelf

    def upload(self, service: Shelf, inputs: Values, sent: Bundle, name: str) -> Found:
        service["site"] = sent.fingerprint
        return Found("site", sent.fingerprint)

    def find(self, service: Shelf, state: Values, id_: str) -> Found | None:
        return Found(id_, service[id_]) if id_ in service else None

    def remove(self, service: Shelf, state: Values, id_: str) -> None:
        service.pop(id_, None)


@pytest.fixture
def broker() -> Iterator[BrokerServer]:
    with broker_server(cast(Challtestsrv, None)) as made:
        made.credentials["azure"] = OpenedFields("azure", {})
        yield made


def entry(state: State, *, delete: bool = False) -> dict[str, Any]:
    return {"urn": URN, "type": OnAShelf.token, "inputs": {}, "outputs": state, "delete": delete}


@pytest.mark.parametrize("waiting", [1, 2])
def test_what_a_killed_run_left_to_be_deleted_takes_nothing_along(broker: BrokerServer, waiting: int) -> None:
    """The run was killed once the new one was there, and before the old one was deleted."""
    target, made = OnAShelf({}), chain("a.test")

    def operation() -> Operation:
        return Operation.begin(Run({**os.environ, **broker.environment}, Ear()), URN)

    given = {"certificatePem": made.certificate, "chainPem": made.intermediate, "privateKeyPem": made.key}
    inputs = target.check(given).inputs
    state = {**inputs, **target.create(operation(), inputs).outputs}
    elsewhere = {**state, "certificateId": "elsewhere"}
    target.shelf["elsewhere"] = "another"
    left = [entry(state, delete=True) for _ in range(waiting)]
    broker.state = lambda: [entry(state), entry(elsewhere, delete=True), *left]

    run = operation()
    target.delete(run, elsewhere)
    for _ in range(waiting):
        target.delete(run, state)
    assert set(target.shelf) == {"site"}

    last = operation()  # destroyed, with what was still left
    for _ in range(waiting + 1):
        assert set(target.shelf) == {"site"}
        target.delete(last, state)
    assert target.shelf == {}


def test_what_nothing_has_taken_the_place_of_is_removed(broker: BrokerServer) -> None:
    target, made = OnAShelf({}), chain("a.test")
    given = {"certificatePem": made.certificate, "chainPem": made.intermediate, "privateKeyPem": made.key}
    inputs = target.check(given).inputs
    operation = Operation.begin(Run({**os.environ, **broker.environment}, Ear()), URN)
    state = {**inputs, **target.create(operation, inputs).outputs}
    broker.state = lambda: [entry(state)]
    target.delete(Operation.begin(Run({**os.environ, **broker.environment}, Ear()), URN), state)
    assert target.shelf == {}

"""Another credential at a target: of the same account nothing changes, of another the certificate moves."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

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


@dataclass(slots=True)
class Account:
    """What one account of a service has: fingerprints by id; `used` are the ids that something uses."""

    number: str
    kept: dict[str, str] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)


class Shelf(StoredCertificate[Account]):
    """A service of the simplest kind, with several accounts."""

    token = "tic:deploy/shelf:Shelf"
    description = "A shelf."
    kind = "shelf"
    label = "the shelf"

    def __init__(self, *accounts: Account) -> None:
        self.accounts = {one.number: one for one in accounts}

    def open(self, operation: Operation, account: OpenedFields, inputs: Values) -> Account:
        return self.accounts[account.fields["account"]]

    def upload(self, service: Account, inputs: Values, sent: Bundle, name: str) -> Found:
        id_ = f"{service.number}-{name}"
        service.kept[id_] = sent.fingerprint
        return Found(id_, sent.fingerprint)

    def find(self, service: Account, state: Values, id_: str) -> Found | None:
        return Found(id_, service.kept[id_]) if id_ in service.kept else None

    def users(self, service: Account, state: Values, id_: str) -> Sequence[str]:
        return ["a balancer"] if id_ in service.used else []

    def remove(self, service: Account, state: Values, id_: str) -> None:
        service.kept.pop(id_, None)


@pytest.fixture
def broker(dns: Challtestsrv) -> Iterator[BrokerServer]:
    with broker_server(dns) as server:
        for name, account in (("old", "1"), ("renamed", "1"), ("new", "2")):
            server.credentials[name] = OpenedFields("shelf", {"account": account})
        yield server


class There:
    """One resource at a shelf with two accounts."""

    def __init__(self, broker: BrokerServer) -> None:
        self.broker, self.ear, self.made = broker, Ear(), chain("a.test")
        self.one, self.two = Account("1"), Account("2")
        self.shelf = Shelf(self.one, self.two)

    def inputs(self, credential: str) -> State:
        given = {
            "certificatePem": self.made.certificate,
            "chainPem": self.made.intermediate,
            "privateKeyPem": self.made.key,
            "credential": credential,
        }
        return self.shelf.check(given).inputs

    def operation(self) -> Operation:
        return Operation.begin(Run(self.broker.environment, self.ear), "urn:pulumi:s::p::t::www")

    def create(self, credential: str) -> State:
        inputs = self.inputs(credential)
        return {**inputs, **self.shelf.create(self.operation(), inputs).outputs}

    def update(self, state: State, credential: str) -> State:
        inputs = self.inputs(credential)
        assert self.shelf.diff(self.operation(), state, inputs, ())
        return {**inputs, **self.shelf.update(self.operation(), state, inputs)}


@pytest.fixture
def there(broker: BrokerServer) -> There:
    return There(broker)


def test_another_name_of_the_same_account_changes_nothing_there(there: There) -> None:
    state = there.create("old")
    after = there.update(state, "renamed")
    assert after["certificateId"] == state["certificateId"]
    assert list(there.one.kept) == [state["certificateId"]]


def test_another_account_gets_it_and_the_first_one_lets_it_go(there: There) -> None:
    state = there.update(there.create("old"), "new")
    assert there.one.kept == {}
    assert list(there.two.kept) == [state["certificateId"]]
    there.shelf.delete(there.operation(), state)
    assert there.two.kept == {}


@pytest.mark.parametrize("reason", ["used", "not bound"])
def test_what_can_not_be_let_go_is_named(there: There, reason: str) -> None:
    state = there.create("old")
    if reason == "used":
        there.one.used.add(state["certificateId"])
    else:
        del there.broker.credentials["old"]
    there.update(state, "new")
    assert list(there.one.kept) == [state["certificateId"]]
    assert "in the account of the former credential old, is this stack's no longer" in there.ear.warned[-1]

"""Calls resource types as the plugin does: check, then the act; inputs and outputs make the state."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from stacks.provider.acme.account import Account
from stacks.provider.acme.authorization import Authorization
from stacks.provider.acme.certificate import Certificate
from stacks.provider.acme.order import Order
from stacks.provider.dns.challenge_record import ChallengeRecord
from stacks.provider.properties import Change
from stacks.provider.resource import ResourceType
from stacks.provider.run import Operation, Run, Voice
from tests.servers.pebble import Pebble
from tests.stacks.provider.broker_server import BrokerServer

State = dict[str, Any]


@dataclass(slots=True)
class Ear(Voice):
    """Keeps what resources say and warn of."""

    said: list[str] = field(default_factory=list)
    warned: list[str] = field(default_factory=list)

    def say(self, urn: str, text: str) -> None:
        self.said.append(text)

    def warn(self, urn: str, text: str) -> None:
        self.warned.append(text)


@dataclass(slots=True)
class Driver:
    """One run of one stack; `next_run` begins another one."""

    ca: Pebble
    broker: BrokerServer
    run: Run
    ear: Ear = field(default_factory=Ear)

    def __post_init__(self) -> None:
        self.run.voice = self.ear

    def next_run(self) -> "Driver":
        """As a new plugin process: nothing is remembered but the state."""
        return Driver(self.ca, self.broker, Run({**os.environ, **self.broker.environment}))

    def operation(self, seconds: float = 0) -> Operation:
        return Operation.begin(self.run, "urn:test", seconds)

    def checked(self, resource: ResourceType, inputs: State) -> State:
        checked = resource.check(inputs)
        assert checked.failures == []
        return checked.inputs

    def create(self, resource: ResourceType, seconds: float = 0, **inputs: Any) -> State:
        given = self.checked(resource, inputs)
        created = resource.create(self.operation(seconds), given)
        assert created.id
        assert set(created.outputs) <= {each.name for each in resource.outputs}
        return {**given, **created.outputs}

    def diff(self, resource: ResourceType, state: State, **inputs: Any) -> dict[str, Change]:
        return resource.diff(self.operation(), state, self.checked(resource, inputs), ())

    def update(self, resource: ResourceType, state: State, **inputs: Any) -> State:
        given = self.checked(resource, inputs)
        return {**given, **resource.update(self.operation(), state, given)}

    def read(self, resource: ResourceType, state: State) -> State | None:
        outputs = resource.read(self.operation(), state)
        return None if outputs is None else {**state, **outputs}

    def delete(self, resource: ResourceType, state: State) -> None:
        resource.delete(self.operation(), state)

    def remember(self, certificate: State, name: str = "site", *, revoked: bool = False) -> None:
        """Put a certificate into the state that the broker shows, as one of before this run."""
        urn = f"urn:pulumi:dev::proj::{Certificate.token}::{name}"
        shown = {key: value for key, value in certificate.items() if not key.endswith("KeyPem")}
        resource = {
            "urn": urn,
            "type": Certificate.token,
            "inputs": shown,
            "outputs": shown,
            "revoked": revoked,
        }
        before = self.broker.state()
        self.broker.state = lambda: [*before, resource]

    def account(self, **inputs: Any) -> State:
        """An account at the CA."""
        given = {
            "directoryUrl": self.ca.directory_url,
            "caCertificates": self.ca.ca_file.read_text(),
            **inputs,
        }
        return self.create(Account(), **given)

    def order(self, account: State, domains: Sequence[str], **inputs: Any) -> State:
        return self.create(Order(), **self.order_inputs(account, domains, **inputs))

    def order_inputs(self, account: State, domains: Sequence[str], **inputs: Any) -> State:
        return {**access(account), "domains": list(domains), **inputs}

    def record(self, proof: State, **inputs: Any) -> State:
        return self.create(ChallengeRecord(), **self.record_inputs(proof, **inputs))

    def record_inputs(self, proof: State, **inputs: Any) -> State:
        given = {each: proof.get(each) for each in ("identifier", "token", "keyAuthorization")}
        return {**given, "authorizationStatus": proof["status"], **inputs}

    def authorize(self, order: State, proof: State, record: State | None, **inputs: Any) -> State:
        given = {**access(order), **{each: proof.get(each) for each in ("identifier", "url", "challengeUrl")}}
        return self.create(
            Authorization(), publication=record and record.get("publication"), **given, **inputs
        )

    def prove(self, order: State) -> None:
        """Publish and answer every authorization of an order."""
        for proof in order["authorizations"]:
            self.authorize(order, proof, self.record(proof))

    def certificate_inputs(self, order: State, **inputs: Any) -> State:
        same = ("orderUrl", "csrPem", "privateKeyPem", "domains", "epoch")
        return {**access(order), **{each: order.get(each) for each in same}, **inputs}

    def certificate(self, order: State, **inputs: Any) -> State:
        return self.create(Certificate(), **self.certificate_inputs(order, **inputs))

    def issued(self, *domains: str, **inputs: Any) -> tuple[State, State]:
        """An order and its certificate, all the way."""
        order = self.order(self.account(), domains, **inputs)
        self.prove(order)
        return order, self.certificate(order)


def access(state: State) -> State:
    """The inputs by which a resource talks to the CA, from an Account's or another resource's state."""
    return {
        "directoryUrl": state["directoryUrl"],
        "caCertificates": state["caCertificates"],
        "accountUri": state["accountUri"],
        "accountKeyPem": state.get("accountKeyPem") or state["privateKeyPem"],
    }

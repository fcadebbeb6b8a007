"""What the plugin asks of the process that runs it: the messages, and the plugin's side of the talk.

The broker is HTTP on loopback for one run: POST, JSON in, JSON out, a bearer token made for the run.
It publishes and withdraws challenge records, opens a credential that the stack is bound to, and shows
what the stack's state held before the run. The engine serves it; both sides use the messages of this
module, so they cannot drift apart. A refusal is HTTP 4xx or 5xx with `{"error": ..., "hint": ...}`.
"""

import json
import os
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from stacks.errors import StackError
from stacks.messages import RequestMalformed, optional_text, text, texts

URL_VARIABLE = "TIC_BROKER_URL"
TOKEN_VARIABLE = "TIC_BROKER_TOKEN"  # noqa: S105  (the variable's name)
ANSWER_SECONDS = 30.0
# A publish takes what the DNS provider's API takes, then up to `timeout_seconds` of waiting for servers.
PROVIDER_SECONDS = 180.0
DEFAULT_TIMEOUT_SECONDS = 120.0
TIMES = (
    *("ttl", "propagation-timeout", "polling-interval", "sequence-interval", "http-timeout", "dns-timeout"),
)
"""What times a record; the names are those of a DNS credential's settings."""


class BrokerError(StackError):
    """The broker refused or could not do what was asked; it says why and what to do."""


class BrokerUnavailable(BrokerError):
    """There is no broker to ask, or it does not answer any more."""

    exit_code = 6


@dataclass(frozen=True, slots=True)
class Publish:
    """POST /dns/publish: add the DNS-01 record of one authorization (RFC 8555 8.4) and verify it.

    `identifier` comes without `*.`; `provider` None means the stack's only binding that can do DNS;
    `nameservers` are `ip:port`, asked instead of the zone's own when there are any; `timing` is in seconds,
    by the names in TIMES. A `held` record is published by another resource, and verified only.
    """

    identifier: str
    token: str
    key_authorization: str
    provider: str | None = None
    nameservers: tuple[str, ...] = ()
    timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS
    timing: Mapping[str, float] = field(default_factory=dict)
    held: bool = False

    def to_json(self) -> dict[str, Any]:
        """As it travels."""
        return {
            "provider": self.provider,
            "identifier": self.identifier,
            "token": self.token,
            "keyAuthorization": self.key_authorization,
            "nameservers": list(self.nameservers),
            "timeoutSeconds": self.timeout_seconds,
            "timing": dict(self.timing),
            "held": self.held,
        }

    @classmethod
    def from_json(cls, message: Mapping[str, Any]) -> Self:
        """Read a message; raises RequestMalformed."""
        return cls(
            text(message, "identifier"),
            text(message, "token"),
            text(message, "keyAuthorization"),
            optional_text(message, "provider"),
            texts(message, "nameservers"),
            _number(message, "timeoutSeconds", DEFAULT_TIMEOUT_SECONDS),
            _times(message, "timing"),
            message.get("held") is True,
        )


@dataclass(frozen=True, slots=True)
class Published:
    """The answer to Publish: the record, the servers that confirmed it, the credential's token."""

    record_name: str
    record_value: str
    zone: str
    nameservers: tuple[str, ...]
    credential: str

    def to_json(self) -> dict[str, Any]:
        """As it travels."""
        return {
            "recordName": self.record_name,
            "recordValue": self.record_value,
            "zone": self.zone,
            "nameservers": list(self.nameservers),
            "credential": self.credential,
        }

    @classmethod
    def from_json(cls, message: Mapping[str, Any]) -> Self:
        """Read a message; raises RequestMalformed."""
        return cls(
            text(message, "recordName"),
            text(message, "recordValue"),
            text(message, "zone"),
            texts(message, "nameservers"),
            text(message, "credential"),
        )


@dataclass(frozen=True, slots=True)
class Withdraw:
    """POST /dns/withdraw: remove one value from a record; asking again is harmless.

    The answer is `{"withdrawn": true}`.
    """

    identifier: str
    record_name: str
    record_value: str

    def to_json(self) -> dict[str, Any]:
        """As it travels."""
        return {
            "identifier": self.identifier,
            "recordName": self.record_name,
            "recordValue": self.record_value,
        }

    @classmethod
    def from_json(cls, message: Mapping[str, Any]) -> Self:
        """Read a message; raises RequestMalformed."""
        return cls(text(message, "identifier"), text(message, "recordName"), text(message, "recordValue"))


@dataclass(frozen=True, slots=True)
class ProviderQuestion:
    """POST /dns/provider: which DNS provider would publish for this stack."""

    provider: str | None = None

    def to_json(self) -> dict[str, Any]:
        """As it travels."""
        return {"provider": self.provider}

    @classmethod
    def from_json(cls, message: Mapping[str, Any]) -> Self:
        """Read a message; raises RequestMalformed."""
        return cls(optional_text(message, "provider"))


@dataclass(frozen=True, slots=True)
class ProviderAnswer:
    """The DNS provider of the stack; a `sequential` one holds one challenge at a time: they form a chain.

    With `by_name` it holds one challenge of a name at a time: only those of the same name form chains.
    """

    provider: str
    sequential: bool
    credential: str
    by_name: bool = False

    def to_json(self) -> dict[str, Any]:
        """As it travels."""
        return {
            "provider": self.provider,
            "sequential": self.sequential,
            "credential": self.credential,
            "byName": self.by_name,
        }

    @classmethod
    def from_json(cls, message: Mapping[str, Any]) -> Self:
        """Read a message; raises RequestMalformed."""
        sequential, by_name = message.get("sequential"), message.get("byName", False)
        if not isinstance(sequential, bool) or not isinstance(by_name, bool):
            raise RequestMalformed("sequential and byName must be true or false")
        return cls(text(message, "provider"), sequential, text(message, "credential"), by_name)


@dataclass(frozen=True, slots=True)
class OpenCredential:
    """POST /credential/open: a credential's fields, by name or token; uses are recorded with `purpose`."""

    reference: str
    purpose: str

    def to_json(self) -> dict[str, Any]:
        """As it travels."""
        return {"reference": self.reference, "purpose": self.purpose}

    @classmethod
    def from_json(cls, message: Mapping[str, Any]) -> Self:
        """Read a message; raises RequestMalformed."""
        return cls(text(message, "reference"), text(message, "purpose"))


@dataclass(frozen=True, slots=True)
class OpenedFields:
    """An opened credential; `fields` are secrets in plaintext, kept out of reprs and errors."""

    kind: str
    fields: Mapping[str, str] = field(repr=False)

    def to_json(self) -> dict[str, Any]:
        """As it travels, on loopback only."""
        return {"kind": self.kind, "fields": dict(self.fields)}

    @classmethod
    def from_json(cls, message: Mapping[str, Any]) -> Self:
        """Read a message; raises RequestMalformed."""
        fields = message.get("fields")
        if not isinstance(fields, dict) or not all(isinstance(value, str) for value in fields.values()):
            raise RequestMalformed("fields must be an object of texts")
        return cls(text(message, "kind"), fields)


@dataclass(frozen=True, slots=True)
class ResourcesQuestion:
    """POST /state/resources: the stack's resources of one type, as they were before this run."""

    type: str

    def to_json(self) -> dict[str, Any]:
        """As it travels."""
        return {"type": self.type}

    @classmethod
    def from_json(cls, message: Mapping[str, Any]) -> Self:
        """Read a message; raises RequestMalformed."""
        return cls(text(message, "type"))


@dataclass(frozen=True, slots=True)
class StateResource:
    """One resource of the state before this run; secret values are left out of `inputs` and `outputs`.

    Of a certificate, `wanted_epoch` is the epoch that was asked for before its time, and `revoked` whether
    its stack's user had it revoked. `replaced` has the outputs of those in whose place it is, and that are
    still to be deleted.
    """

    urn: str
    name: str
    inputs: Mapping[str, Any]
    outputs: Mapping[str, Any]
    wanted_epoch: int | None = None
    revoked: bool = False
    replaced: tuple[Mapping[str, Any], ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As it travels, in a list under `resources`."""
        return {
            "urn": self.urn,
            "name": self.name,
            "inputs": dict(self.inputs),
            "outputs": dict(self.outputs),
            "wantedEpoch": self.wanted_epoch,
            "revoked": self.revoked,
            "replaced": [dict(each) for each in self.replaced],
        }

    @classmethod
    def from_json(cls, message: Mapping[str, Any]) -> Self:
        """Read a message; raises RequestMalformed."""
        inputs, outputs = message.get("inputs"), message.get("outputs")
        if not isinstance(inputs, dict) or not isinstance(outputs, dict):
            raise RequestMalformed("inputs and outputs must be objects")
        wanted = message.get("wantedEpoch")
        if wanted is not None and not isinstance(wanted, int):
            raise RequestMalformed("wantedEpoch must be a whole number")
        revoked, told = message.get("revoked") is True, message.get("replaced") or ()
        replaced = tuple(each for each in told if isinstance(each, dict))
        return cls(text(message, "urn"), text(message, "name"), inputs, outputs, wanted, revoked, replaced)


@dataclass(frozen=True, slots=True)
class Broker:
    """The plugin's side: each call is a connection with a time limit; a failure raises BrokerError."""

    url: str
    token: str = field(repr=False)

    @classmethod
    def find(cls, environ: Mapping[str, str] = os.environ) -> Self:
        """The broker that the environment names; raises BrokerUnavailable where nothing runs one."""
        url, token = environ.get(URL_VARIABLE), environ.get(TOKEN_VARIABLE)
        if not url or not token:
            raise BrokerUnavailable(
                f"tic's resources need the broker that tic starts for a run; {URL_VARIABLE} names none",
                hint="run the stack through tic: tic stack up",
            )
        return cls(url, token)

    def publish(self, request: Publish) -> Published:
        """Publish and verify a challenge record; as long as DNS takes, within `request.timeout_seconds`."""
        seconds = request.timeout_seconds + PROVIDER_SECONDS
        return Published.from_json(self.ask("/dns/publish", request.to_json(), seconds))

    def withdraw(self, request: Withdraw) -> None:
        """Withdraw a challenge record; fine where it is gone already."""
        self.ask("/dns/withdraw", request.to_json(), PROVIDER_SECONDS)

    def provider(self, provider: str | None) -> ProviderAnswer:
        """Which DNS provider serves this stack, and whether it takes one challenge at a time."""
        return ProviderAnswer.from_json(self.ask("/dns/provider", ProviderQuestion(provider).to_json()))

    def open_credential(self, reference: str, *, purpose: str) -> OpenedFields:
        """Open a credential that the stack is bound to."""
        return OpenedFields.from_json(
            self.ask("/credential/open", OpenCredential(reference, purpose).to_json())
        )

    def resources(self, resource_type: str) -> list[StateResource]:
        """The stack's resources of a type (`tic:acme/certificate:Certificate`) before this run."""
        answer = self.ask("/state/resources", ResourcesQuestion(resource_type).to_json())
        return [StateResource.from_json(each) for each in answer.get("resources", [])]

    def ask(self, path: str, message: Mapping[str, Any], seconds: float = ANSWER_SECONDS) -> dict[str, Any]:
        """The answer to one message, within `seconds`; raises BrokerError."""
        import http.client  # only the plugin asks; tic knows these messages from the other side

        address = urllib.parse.urlsplit(self.url)
        connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=seconds)
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        try:
            connection.request("POST", address.path.rstrip("/") + path, json.dumps(message).encode(), headers)
            response = connection.getresponse()
            status, body = response.status, response.read()
        except (OSError, http.client.HTTPException) as error:
            raise BrokerUnavailable(
                f"the broker of this run does not answer {path}: {str(error) or type(error).__name__}",
                hint="the run that started this plugin has ended; start it again: tic stack up",
            ) from error
        finally:
            connection.close()
        return _answer(path, status, body)


def _answer(path: str, status: int, body: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(body)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise BrokerError(
            f"the broker answered {path} with HTTP {status} and no JSON object", hint="run: tic doctor"
        )
    if status >= 400:
        raise BrokerError(
            str(answer.get("error") or f"the broker refused {path} with HTTP {status}"),
            hint=str(answer.get("hint") or "run: tic doctor"),
        )
    return answer


def _times(message: Mapping[str, Any], name: str) -> dict[str, float]:
    value = message.get(name) or {}
    if not isinstance(value, dict) or not value.keys() <= set(TIMES):
        raise RequestMalformed(f"{name} must be an object with some of {', '.join(TIMES)}")
    return {each: _number(value, each, 0) for each in value}


def _number(message: Mapping[str, Any], name: str, default: float) -> float:
    value = message.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 86_400:
        raise RequestMalformed(f"{name} must be a number of seconds, at most 86400")
    return float(value)

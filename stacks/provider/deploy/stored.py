"""What deployments to a service have in common: a certificate that is an object there, with an id.

A target says how its service uploads, replaces, finds and removes; when each is done is decided here. The
service is opened anew for each operation, with the credential that the stack is bound to as it is then.

- What is sent is checked before (`bundle`).
- A new certificate replaces the old in place where the service can. Where it can't, the new one goes in
  first, then the old one goes out; one that something still uses stays, is named with what uses it, and goes
  out with a later run.
- An upload is asked for by a name of its own, and one that a killed run made is found by that and kept.
- Only what the stack put there is removed.
"""

import hashlib
import re
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar

from stacks.broker import OpenedFields
from stacks.errors import StackError
from stacks.provider.deploy.account import credential, opened
from stacks.provider.deploy.bundle import MATERIAL, Bundle, bundle
from stacks.provider.deploy.calls import Denied
from stacks.provider.deploy.replaced import is_its_replacements
from stacks.provider.properties import Change, Kind, Output, Property
from stacks.provider.resource import Created, ResourceType, Values
from stacks.provider.run import Operation
from stacks.provider.values import is_unknown

Service = TypeVar("Service")
"""A service that is open for one operation."""

OUTPUTS = (
    Output("certificateId", Kind.STRING, "The certificate's id at the service; stays where it can."),
    Output("serial", Kind.STRING, "The serial number of the deployed certificate, in hexadecimal."),
    Output("fingerprint", Kind.STRING, "SHA-256 of the deployed certificate's DER, in hexadecimal."),
    Output(
        "superseded",
        Kind.STRINGS,
        "Ids of earlier certificates that something at the service still uses; removed when nothing does.",
        optional=True,
    ),
    Output(
        "drift",
        Kind.STRING,
        "What a refresh found in place of the certificate; the next run puts it back.",
        optional=True,
    ),
)
_SENT = tuple(each.name for each in MATERIAL if each.name != "domains")
_NAME = re.compile(r"[^A-Za-z0-9-]+")


@dataclass(frozen=True, slots=True)
class Found:
    """A certificate at a service; `fingerprint` (SHA-256, hexadecimal) or `serial` where it tells one."""

    id: str
    fingerprint: str | None = None
    serial: str | None = None

    def is_(self, sent: Bundle) -> bool:
        """Whether it is what was sent, as far as the service tells."""
        if self.fingerprint is not None:
            return self.fingerprint == sent.fingerprint
        return self.serial is None or _number(self.serial) == _number(sent.serial)


class Stays(StackError):
    """A service keeps a certificate that was to be removed: it is used, or the credential may not."""


class StoredCertificate(ResourceType, Generic[Service]):
    """A target; each is one file. `kind` is the credential that opens it, `label` names it to a person."""

    kind: ClassVar[str]
    label: ClassVar[str]
    unsettled = ("drift", "superseded")
    own_inputs: ClassVar[tuple[Property, ...]] = ()
    own_outputs: ClassVar[tuple[Output, ...]] = ()

    def __init_subclass__(cls) -> None:
        cls.inputs = (*MATERIAL, credential(cls.kind), *cls.own_inputs)
        cls.outputs = (*OUTPUTS, *cls.own_outputs)

    @abstractmethod
    def open(self, operation: Operation, account: OpenedFields, inputs: Values) -> Service:
        """The service with this account; asks it nothing yet. Raises StackError where an SDK is missing."""

    @abstractmethod
    def upload(self, service: Service, inputs: Values, sent: Bundle, name: str) -> Found:
        """Put a new one there under `name` (letters, digits, hyphens; at most 63), and tell its id.

        Called again with the same name and certificate, as after a kill, gives the one that is there.
        """

    def replace(self, service: Service, state: Values, inputs: Values, sent: Bundle) -> Found | None:
        """Put it in the place of the one that `state` has, with the same id; None where the service can't."""
        return None

    @abstractmethod
    def find(self, service: Service, state: Values, id_: str) -> Found | None:
        """The certificate with this id, or None where there is none."""

    def users(self, service: Service, state: Values, id_: str) -> Sequence[str]:
        """What at the service uses the certificate, each as a person finds it; none where it can't tell."""
        return ()

    @abstractmethod
    def remove(self, service: Service, state: Values, id_: str) -> None:
        """Remove it; fine where it is gone. Raises Stays where the service keeps it."""

    def told(self, service: Service, inputs: Values, found: Found) -> dict[str, Any]:
        """The target's own outputs."""
        return {}

    def preview_update(self, state: Values, inputs: Values) -> dict[str, Any]:
        """What is known once the certificate is."""
        if any(is_unknown(inputs.get(each)) for each in _SENT):
            return self.preview_create(inputs)
        return {**self.kept(state), "drift": None}

    def create(self, operation: Operation, inputs: Values) -> Created:
        """Check it, then upload it."""
        sent = bundle(inputs, self.label)
        service = self._opened(operation, inputs)
        found = self.upload(service, inputs, sent, self._name(operation, sent))
        operation.run.uploaded[found.id] = operation.urn
        return Created(found.id, self._outputs(service, inputs, sent, found, ()))

    def update(self, operation: Operation, state: Values, inputs: Values) -> dict[str, Any]:
        """In place where the service can; else the new one in, then the old one out."""
        sent = bundle(inputs, self.label)
        service = self._opened(operation, inputs)
        old = state["certificateId"]
        if self._is_elsewhere(service, state, inputs):
            found = self.upload(service, inputs, sent, self._name(operation, sent))
            self._leave(operation, state, but=found.id)
            return self._outputs(service, inputs, sent, found, ())
        superseded = [*(state.get("superseded") or ())]
        if self._is_there(service, state, sent) and not self._set_otherwise(state, inputs):
            found = Found(old)
        else:
            replaced = self.replace(service, state, inputs, sent)
            found = replaced or self.upload(service, inputs, sent, self._name(operation, sent))
            if found.id != old and old not in superseded:
                superseded.append(old)
        left = self._cleared(operation, service, state, [each for each in superseded if each != found.id])
        return self._outputs(service, inputs, sent, found, left)

    def read(self, operation: Operation, state: Values) -> dict[str, Any] | None:
        """Whether it is there, and the one that was sent."""
        found = self.find(self._opened(operation, state), state, state["certificateId"])
        if found is None:
            return None
        same = found.fingerprint in (None, state["fingerprint"])
        if same and found.fingerprint is None and found.serial is not None:
            same = _number(found.serial) == _number(state["serial"])
        other = None if same else (found.fingerprint or found.serial)
        return {**self.kept(state), "drift": other}

    def delete(self, operation: Operation, state: Values) -> None:
        """Remove what was put there; raises StackError where something uses it."""
        service = self._opened(operation, state)
        for id_ in (*(state.get("superseded") or ()), state["certificateId"]):
            if is_its_replacements(operation, self.token, id_, _id_of):
                continue  # asked for by its name, it was there already
            if self.find(service, state, id_) is None:
                continue
            if users := self.users(service, state, id_):
                raise StackError(
                    f"the certificate {id_} stays at {self.label}: {', '.join(users)} "
                    f"{'uses' if len(users) == 1 else 'use'} it",
                    hint="give what uses it another certificate, then run the command again",
                )
            self.remove(service, state, id_)

    def _opened(self, operation: Operation, values: Values) -> Service:
        return self.open(operation, opened(operation, values, self.kind, self.label), values)

    def _is_there(self, service: Service, state: Values, sent: Bundle) -> bool:
        if state.get("fingerprint") != sent.fingerprint or state.get("drift"):
            return False
        found = self.find(service, state, state["certificateId"])
        return found is not None and found.is_(sent)

    def _is_elsewhere(self, service: Service, state: Values, inputs: Values) -> bool:
        """Whether another credential is named, and it is another account's: what is there is not here."""
        if state.get("credential") == inputs.get("credential"):
            return False
        return self.find(service, state, state["certificateId"]) is None

    def _leave(self, operation: Operation, state: Values, but: str) -> None:
        """Remove what is in the account of the former credential; the new one is in its own already."""
        ids = [each for each in (*(state.get("superseded") or ()), state["certificateId"]) if each != but]
        former = state.get("credential") or self.kind
        try:
            left = self._cleared(operation, self._opened(operation, state), state, ids)
        except StackError as error:
            operation.warn(f"{error}; {error.hint}")
            left = ids
        if left:
            operation.warn(
                f"{', '.join(left)} at {self.label}, in the account of the former credential {former}, "
                f"is this stack's no longer: remove it there yourself when nothing uses it"
            )

    def _set_otherwise(self, state: Values, inputs: Values) -> bool:
        """Whether it is to be there in another way: an input of the target's own has changed."""
        ours = (each.name for each in self.own_inputs if each.change is Change.UPDATE)
        return any(state.get(name) != inputs.get(name) for name in ours)

    def _cleared(
        self, operation: Operation, service: Service, state: Values, ids: Sequence[str]
    ) -> list[str]:
        """Remove those that nothing uses any more; gives the others, and names what uses them."""
        left = []
        for id_ in ids:
            if self.find(service, state, id_) is None:
                continue
            try:
                if users := self.users(service, state, id_):
                    left.append(id_)
                    operation.warn(
                        f"the earlier certificate {id_} stays at {self.label} until nothing uses it: "
                        f"{', '.join(users)}; give that the new one, then tic stack up removes it"
                    )
                    continue
                self.remove(service, state, id_)
            except Stays as kept:
                left.append(id_)
                operation.warn(f"{kept}; {kept.hint}")
            except Denied as kept:  # the new one is there all the same
                left.append(id_)
                operation.warn(f"the earlier certificate {id_} stays: {kept}; {kept.hint}")
        return left

    def _outputs(
        self, service: Service, inputs: Values, sent: Bundle, found: Found, superseded: Sequence[str]
    ) -> dict[str, Any]:
        return {
            "certificateId": found.id,
            "serial": sent.serial,
            "fingerprint": sent.fingerprint,
            "superseded": list(superseded) or None,
            "drift": None,
            **self.told(service, inputs, found),
        }

    def _name(self, operation: Operation, sent: Bundle) -> str:
        """A name that tells a person whose it is, and a later run that it is this resource's certificate."""
        name = _NAME.sub("-", operation.urn.rpartition("::")[2]).strip("-")[:40] or "certificate"
        own = hashlib.sha256(f"{operation.urn} {sent.fingerprint}".encode()).hexdigest()
        return f"tic-{name}-{own[:12]}"


def _id_of(outputs: Values) -> str | None:
    return outputs.get("certificateId")


def _number(serial: str) -> int:
    return int(serial.replace(":", "").strip(), 16)

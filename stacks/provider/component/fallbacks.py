"""The CAs that a certificate may come from besides its own, and which of them a run orders from."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from pulumi.provider.experimental.property_value import PropertyValue

from stacks.allowances import Claim, look
from stacks.broker import BrokerError
from stacks.provider.acme.account import Account
from stacks.provider.acme.certificate import Certificate
from stacks.provider.acme.directories import ACCOUNT as ACCESS
from stacks.provider.acme.epoch import CERTIFICATE, Decision, Held
from stacks.provider.acme.fallback import carried_on, choose, open_to
from stacks.provider.acme.get_epoch import find
from stacks.provider.acme.order import PROFILE, Order
from stacks.provider.component.outputs import as_output
from stacks.provider.properties import Failure, Kind, Property
from stacks.provider.run import Operation
from stacks.provider.values import is_unknown

OF_ACCOUNT = (
    "directoryUrl",
    "email",
    "contacts",
    "termsOfServiceAgreed",
    "caCertificates",
    "eabCredential",
)
WHO = ("email", "contacts", "termsOfServiceAgreed")
"""What a fallback that does not say has from the certificate's own inputs."""
SHARED_ACCOUNT = ("accountUri", "accountKeyPem")
_OF_ACCESS = {each.name: each for each in ACCESS}
_OF_CERTIFICATE = {each.name: each for each in Certificate.inputs}
FALLBACKS = Property(
    "fallbacks",
    Kind.OBJECTS,
    "Other CAs, in order: in the last sixth of a certificate's lifetime the renewal comes from the first "
    "that answers and has room for it, where `directoryUrl` has not. The one after comes from that again.",
    items="tic:acme/fallback:Fallback",
    fields=(
        *(replace(each, default=None) for each in Account.inputs if each.name in OF_ACCOUNT),
        PROFILE,
        _OF_CERTIFICATE["preferredChain"],
        Property("accountUri", Kind.STRING, "The `accountUri` of an Account there; with `accountKeyPem`."),
        replace(_OF_ACCESS["accountKeyPem"], description="That Account's `privateKeyPem`.", required=False),
    ),
)


def refusals(inputs: Mapping[str, Any]) -> list[Failure]:
    """What is wrong with them taken together: a CA that is named twice, half of a shared account."""
    failures, seen = [], {inputs.get("directoryUrl")}
    for number, each in enumerate(known(inputs)):
        path = f"{FALLBACKS.name}[{number}]"
        if each["directoryUrl"] in seen:
            failures.append(Failure(f"{path}.directoryUrl", "is a CA that is named already"))
        seen.add(each["directoryUrl"])
        given = [name for name in SHARED_ACCOUNT if name in each]
        if len(given) == 1:
            missing = next(name for name in SHARED_ACCOUNT if name not in each)
            failures.append(Failure(f"{path}.{missing}", f"is required where there is `{given[0]}`"))
    return failures


def known(inputs: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The fallbacks whose CA is known; in a preview one may come from a resource that is yet to be made."""
    found = inputs.get(FALLBACKS.name) or []
    if not isinstance(found, list):
        return []
    return [each for each in found if isinstance(each, dict) and isinstance(each.get("directoryUrl"), str)]


def as_outputs(inputs: Mapping[str, Any], given: PropertyValue | None) -> dict[str, dict[str, Any]]:
    """Those that are known, by directory URL: each input as an output, as secret as it was given."""
    values = given.value if given is not None else ()
    if not isinstance(values, tuple):
        return {}
    pairs = zip(inputs.get(FALLBACKS.name) or (), values, strict=True)
    return {
        each["directoryUrl"]: {name: as_output(value, _part(raw, name)) for name, value in each.items()}
        for each, raw in pairs
        if isinstance(each, dict) and isinstance(each.get("directoryUrl"), str)
    }


def _part(given: PropertyValue, name: str) -> PropertyValue | None:
    return given.value.get(name) if isinstance(given.value, Mapping) else None


def directories(inputs: Mapping[str, Any]) -> list[str]:
    """The CAs, the wanted one first."""
    return [inputs["directoryUrl"], *(each["directoryUrl"] for each in known(inputs))]


def account_name(component: str, directory_url: str) -> str:
    """What the Account of a fallback is called; it stays when the others change places."""
    parts = urlsplit(directory_url)
    return f"{component}/{parts.netloc}{parts.path.rstrip('/')}"


@dataclass(frozen=True, slots=True)
class Choosing:
    """Chooses the CA for one certificate of a run: `child` gives the URN of a child by its type and name.

    A certificate that stays as it is stays with its CA. A renewal that was cut off goes on at the CA where
    it has an order already.
    """

    operation: Operation
    inputs: Mapping[str, Any]
    name: str
    child: Callable[[str, str], str]

    def directory(self, decision: Decision, now: datetime | None = None) -> str:
        """The directory's URL. Asks CAs, and the broker, only in the last part of a lifetime."""
        every = directories(self.inputs)
        found = find(self.operation.run.held(CERTIFICATE), None, self.child(CERTIFICATE, self.name))
        if len(every) == 1 or found is None or is_unknown(every[0]):
            return every[0]
        try:
            held = Held.read(found.outputs)
        except (KeyError, TypeError, ValueError):
            return every[0]
        issued_by = found.inputs.get("directoryUrl")
        if decision.epoch <= held.epoch:
            return issued_by if issued_by in every else every[0]
        moment = now or datetime.now(UTC)
        choice = open_to(every, held, moment, revoked=found.revoked)
        replaces = issued_by if held.renewal_info_url is not None else None
        return choose(
            carried_on(choice, self._begun_at(decision.epoch)),
            lambda url: self._is_usable(url, replaces=url == replaces),
        )

    def _begun_at(self, epoch: int) -> str | None:
        order = find(self.operation.run.held(Order.token), None, self.child(Order.token, self.name))
        if order is None or order.inputs.get("epoch") != epoch:
            return None
        found = order.inputs.get("directoryUrl")
        return found if isinstance(found, str) else None

    def _is_usable(self, directory_url: str, *, replaces: bool) -> bool:
        """Whether there is an account, the CA answers, and no limit of it is used up."""
        account_uri = self._account(directory_url)
        return (
            account_uri is not None
            and self._answers(directory_url)
            and self._has_room(directory_url, account_uri, replaces=replaces)
        )

    def _account(self, directory_url: str) -> str | None:
        """The account's URL, where there is one; a run for this certificate alone makes none."""
        given = self._given(directory_url).get("accountUri")
        if given is not None:
            return None if is_unknown(given) else str(given)
        own = directory_url == self.inputs["directoryUrl"]
        name = self.name if own else account_name(self.name, directory_url)
        found = find(self.operation.run.held(Account.token), None, self.child(Account.token, name))
        return str(found.outputs["accountUri"]) if found and "accountUri" in found.outputs else None

    def _answers(self, directory_url: str) -> bool:
        from stacks.provider.acme.answering import answers
        from stacks.provider.acme.authority import Access

        asked = self.operation.run.answering
        if directory_url not in asked:
            roots = self._given(directory_url).get("caCertificates")
            asked[directory_url] = answers(self.operation.run.authorities, Access(directory_url, roots))
        return asked[directory_url]

    def _has_room(self, directory_url: str, account_uri: str, *, replaces: bool) -> bool:
        names: Sequence[str] = self.inputs["domains"]
        try:
            return look(self.operation.run.broker, Claim(directory_url, account_uri, tuple(names), replaces))
        except BrokerError:
            return True  # nobody counts

    def _given(self, directory_url: str) -> Mapping[str, Any]:
        if directory_url == self.inputs["directoryUrl"]:
            return self.inputs
        return next(each for each in known(self.inputs) if each["directoryUrl"] == directory_url)

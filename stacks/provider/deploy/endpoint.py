"""tic:deploy/endpoint:Endpoint: a place that is to serve a certificate; the run waits until it does."""

import time
from collections.abc import Sequence
from typing import Any

from stacks.errors import StackError
from stacks.provider.deploy.bundle import TOGETHER
from stacks.provider.deploy.command import limit
from stacks.provider.properties import Change, Kind, Output, Property, Refused
from stacks.provider.resource import Created, ResourceType, Values
from stacks.provider.run import Operation
from stacks.provider.values import is_unknown
from stacks.serving.comparison import SECONDS as LOOK_SECONDS
from stacks.serving.comparison import Finding, Issued, check
from stacks.serving.endpoint import FORMS
from stacks.serving.endpoint import Endpoint as Place

_PAUSES = (0.5, 1.0, 2.0, 4.0)
SECONDS = 120.0


def address(given: str) -> str:
    """An endpoint in its normal form."""
    try:
        return str(Place.read(given))
    except ValueError as error:
        raise Refused(str(error)) from None


class Endpoint(ResourceType):
    """Makes nothing in the world: what it needs is done by what it depends on."""

    token = "tic:deploy/endpoint:Endpoint"  # noqa: S105  (a type token)
    description = (
        "A place where the certificate is served, at every address that it has. Let it depend on the "
        "deployment: the run waits until what is served is what was issued, and a refresh looks again."
    )
    inputs = (
        Property(
            "address",
            Kind.STRING,
            f"Where: {FORMS}.",
            required=True,
            change=Change.UPDATE,
            rule=address,
        ),
        Property(
            "certificatePem", Kind.STRING, "The certificate, in PEM.", required=True, change=Change.UPDATE
        ),
        Property("chainPem", Kind.STRING, "Its chain, in PEM.", default="", change=Change.UPDATE),
        Property(
            "timeoutSeconds",
            Kind.NUMBER,
            "How long to wait for it.",
            default=SECONDS,
            change=Change.UPDATE,
            rule=limit,
        ),
    )
    outputs = (
        Output("addresses", Kind.STRINGS, "The addresses that serve it."),
        Output("serial", Kind.STRING, "The serial number that is served, in hexadecimal."),
        Output(
            "drift",
            Kind.STRING,
            "What a refresh found to be served instead; the next run waits for the certificate again.",
            optional=True,
        ),
    )

    unsettled = ("drift",)

    def preview_update(self, state: Values, inputs: Values) -> dict[str, Any]:
        """What is known once the certificate is."""
        if is_unknown(inputs.get("certificatePem")) or is_unknown(inputs.get("address")):
            return self.preview_create(inputs)
        return {**self.kept(state), "drift": None}

    def create(self, operation: Operation, inputs: Values) -> Created:
        """Wait until it is served."""
        return Created(inputs["address"], _served(operation, inputs))

    def update(self, operation: Operation, state: Values, inputs: Values) -> dict[str, Any]:
        """Wait until the new one is served."""
        return _served(operation, inputs)

    def read(self, operation: Operation, state: Values) -> dict[str, Any] | None:
        """What is served now."""
        findings = check(Place.read(state["address"]), _issued(state))
        return {**self.kept(state), "drift": None if _all(findings) else told(findings)}


def told(findings: Sequence[Finding]) -> str:
    """What each address that does not serve it shows."""
    return "; ".join(f"{each.address} {each.text}" for each in findings if not each.served)


def _served(operation: Operation, inputs: Values) -> dict[str, Any]:
    place, issued = Place.read(inputs["address"]), _issued(inputs)
    ends, look = time.monotonic() + inputs["timeoutSeconds"], 0
    while not _all(findings := check(place, issued, min(LOOK_SECONDS, max(1.0, ends - time.monotonic())))):
        pause = _PAUSES[min(look, len(_PAUSES) - 1)]
        if time.monotonic() + pause > ends:
            raise StackError(
                f"{place} does not serve it after {inputs['timeoutSeconds']:g} s: {told(findings)}",
                hint="let its server read what was deployed (a reload), then: tic stack up",
            )
        operation.say(f"waiting for {place}: {told(findings)}")
        operation.wait(pause, f"{place} to serve the certificate; {told(findings)}")
        look += 1
    serial = next(each.serial for each in findings)
    return {"addresses": [each.address for each in findings], "serial": serial, "drift": None}


def _all(findings: Sequence[Finding]) -> bool:
    return all(each.served for each in findings)


def _issued(inputs: Values) -> Issued:
    try:
        return Issued.of(inputs["certificatePem"], inputs.get("chainPem") or "")
    except ValueError as error:
        raise StackError(f"there is nothing to look for: {error}", hint=TOGETHER) from error

"""tic:acme/issuedCertificate:IssuedCertificate: all that one certificate takes, for every language."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any

import pulumi
from pulumi.errors import InputPropertiesError, InputPropertyErrorDetails
from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.provider.experimental.provider import ConstructRequest, ConstructResponse

from stacks import resources
from stacks.broker import ProviderAnswer
from stacks.provider.acme.account import Account
from stacks.provider.acme.certificate import CERTIFICATE_OUTPUTS, Certificate
from stacks.provider.acme.challenge import record_name
from stacks.provider.acme.epoch import CERTIFICATE
from stacks.provider.acme.get_epoch import current_epoch
from stacks.provider.acme.identifiers import identifier
from stacks.provider.acme.key_choice import PROPERTIES as OF_KEY
from stacks.provider.acme.key_choice import refusals
from stacks.provider.acme.order import DOMAINS, PROFILE
from stacks.provider.component import account_key, fallbacks
from stacks.provider.component.composition import Composition
from stacks.provider.component.fallbacks import FALLBACKS, OF_ACCOUNT, SHARED_ACCOUNT, Choosing
from stacks.provider.component.native import NATIVE, Spot, is_finished, spot
from stacks.provider.component.outputs import as_output, as_value
from stacks.provider.dns.challenge_record import NAMESERVERS, PROVIDER, TIMEOUT_SECONDS, TIMING
from stacks.provider.properties import Failure, Kind, Output, Property, check, guarded
from stacks.provider.run import Operation, Run
from stacks.provider.values import UNKNOWN, is_unknown, plain, wrapped
from stacks.typed import python_name

Thread = Callable[[Callable[[], Any]], Awaitable[Any]]

TOKEN = "tic:acme/issuedCertificate:IssuedCertificate"  # noqa: S105  (a type token)
_PREFERRED_CHAIN = next(each for each in Certificate.inputs if each.name == "preferredChain")


class IssuedCertificate:
    """The component's declaration, in the form of a resource's."""

    token = TOKEN
    description = (
        "A certificate with all that it takes: account, order, and for each name a challenge record and its "
        "authorization, one after the other where the DNS provider holds one challenge at a time. It renews "
        "itself in the run in which it is due."
    )
    inputs: tuple[Property, ...] = (
        *(each for each in Account.inputs if each.name in OF_ACCOUNT),
        DOMAINS,
        *OF_KEY,
        PROFILE,
        _PREFERRED_CHAIN,
        PROVIDER,
        NAMESERVERS,
        TIMEOUT_SECONDS,
        TIMING,
        Property(
            "nativeRecords",
            Kind.BOOLEAN,
            f"Publish the records as resources of the cloud's own plugin ({', '.join(NATIVE)}): they are in "
            "previews and in the state as such, and the first run that needs them no longer removes them.",
            default=False,
        ),
        Property(
            "accountUri",
            Kind.STRING,
            "The `accountUri` of an Account that several certificates share; with `accountKeyPem`.",
        ),
        Property("accountKeyPem", Kind.STRING, "That Account's `privateKeyPem`.", secret=True),
        *account_key.PROPERTIES,
        FALLBACKS,
    )
    outputs: tuple[Output, ...] = (
        *CERTIFICATE_OUTPUTS,
        Output(
            "privateKeyPem",
            Kind.STRING,
            "The private key, in PEM; none where there is a CSR of your own.",
            secret=True,
            optional=True,
        ),
        Output("domains", Kind.STRINGS, "The names that it holds."),
        Output("epoch", Kind.INTEGER, "How many times it was made: each renewal is one higher."),
        Output("accountUri", Kind.STRING, "The account that it comes from, for others to share."),
        Output("accountKeyPem", Kind.STRING, "That account's private key, in PEM.", secret=True),
    )


async def construct(request: ConstructRequest, run: Run, thread: Thread) -> ConstructResponse:
    """Register the component and its children; its outputs are the certificate's.

    Raises InputPropertiesError with every input that is refused.
    """
    plainly = plain(request.inputs)
    checked = check(IssuedCertificate.inputs, plainly)
    inputs = checked.inputs
    together = [*_halves(inputs), *refusals(plainly, checked), *fallbacks.refusals(inputs)]
    _refuse(request.name, [*checked.failures, *together], plainly)
    component = pulumi.ComponentResource(TOKEN, request.name, None, request.options)
    urn = str(await component.urn.future())
    names = inputs["domains"]
    if is_unknown(names):
        # A preview before another resource has said which names: what they become can't be shown yet.
        unknown = {each.name: UNKNOWN for each in IssuedCertificate.outputs}
        return ConstructResponse(urn, wrapped(unknown, ()), {})
    operation = Operation.begin(run, urn)
    child = partial(_child, urn)
    decision = await thread(lambda: current_epoch(operation, None, child(CERTIFICATE, request.name)))
    provider = inputs.get("provider")
    known = None if is_unknown(provider) else await thread(lambda: run.broker.provider(provider))
    given = {each: as_output(value, request.inputs.get(each)) for each, value in inputs.items()}
    others = fallbacks.as_outputs(inputs, request.inputs.get(FALLBACKS.name))
    choosing = Choosing(operation, inputs, request.name, child)
    source = await thread(lambda: choosing.directory(decision))
    wanted = None if is_unknown(inputs["directoryUrl"]) else inputs["directoryUrl"]
    children = Composition(run, request.name, component, given, wanted, others, source)
    access = children.access()
    order = children.order(access, names, decision.epoch)
    spots = None
    if inputs["nativeRecords"]:
        _refuse(request.name, _not_native(known, inputs, request.options), plainly)
        spots = await _spots(order, inputs, run, thread)
    proofs = children.proofs(access, order, names, known, spots)
    certificate = children.certificate(access, order, proofs)
    outputs = {each.name: getattr(certificate, python_name(each.name)) for each in IssuedCertificate.outputs}
    component.register_outputs(outputs)
    state = {name: await as_value(output) for name, output in outputs.items()}
    return ConstructResponse(urn, state, _dependencies(state))


async def _spots(
    order: resources.Order, inputs: Mapping[str, Any], run: Run, thread: Thread
) -> dict[str, Spot]:
    """Where the record of each name belongs that still has to be proven: none once the order is finished.

    The records of an order that a preview does not know yet are shown for all names.
    """
    wanted: list[str] = inputs["domains"]
    url = await order.order_url.future(with_unknowns=True)
    if await order.order_url.is_known() and isinstance(url, str):
        if await thread(lambda: is_finished(run, url)):
            return {}
        found = await order.authorizations.future()
        valid = {each["domain"] for each in found or () if each["status"] == "valid"}
        wanted = [domain for domain in wanted if domain not in valid]
    servers = inputs.get("nameservers") or []
    if is_unknown(servers):
        unknown = as_output(UNKNOWN, None)
        return dict.fromkeys(wanted, Spot(unknown, unknown))
    places = {
        each: await thread(partial(spot, record_name(each), servers)) for each in {*map(identifier, wanted)}
    }
    return {domain: places[identifier(domain)] for domain in wanted}


def _halves(inputs: Mapping[str, Any]) -> list[Failure]:
    """A shared account is its address and its key."""
    given = [each for each in SHARED_ACCOUNT if each in inputs]
    if len(given) != 1:
        return []
    missing = next(each for each in SHARED_ACCOUNT if each not in given)
    return [Failure(missing, f"is required where there is `{given[0]}`")]


def _not_native(
    known: ProviderAnswer | None, inputs: Mapping[str, Any], options: pulumi.ResourceOptions
) -> list[Failure]:
    """Why the records can't be a plugin's own."""
    if known is None:
        return [Failure("nativeRecords", "needs a `provider` that is known before the run")]
    if known.provider not in NATIVE:
        reason = f"can't be: {known.provider} has no plugin that tic knows; there are {', '.join(NATIVE)}"
        return [Failure("nativeRecords", reason)]
    slot = str(inputs.get("provider") or "").partition(":")[2]
    package = NATIVE[known.provider].package
    if slot and package not in _packages(options):
        reason = f"needs the instance of the provider that works with {slot}: the option `providers`"
        return [Failure("nativeRecords", reason)]
    return []


def _packages(options: pulumi.ResourceOptions) -> set[str]:
    """The packages that the component was given an instance of the provider for."""
    given = options.providers or {}
    return set(given) if isinstance(given, Mapping) else {each.package for each in given}


def _refuse(name: str, failures: Sequence[Failure], given: Mapping[str, Any]) -> None:
    if failures:
        raise InputPropertiesError(
            f"the certificate {name!r} can't be made",
            [
                InputPropertyErrorDetails(property_path=_path(each, given), reason=each.reason)
                for each in failures
            ],
        )


def _path(failure: Failure, given: Mapping[str, Any]) -> str:
    """The property that failed; where its value is not to be told, in a form that has none for the engine."""
    return f"`{failure.path}`" if guarded(IssuedCertificate.inputs, failure, given) else failure.path


def _child(urn: str, kind: str, name: str) -> str:
    """The URN of one of the component's children: its type carries its parents' types before its own."""
    stack, project, types, _ = urn.removeprefix("urn:pulumi:").split("::", 3)
    return f"urn:pulumi:{stack}::{project}::{types}${kind}::{name}"


def _dependencies(state: Mapping[str, PropertyValue]) -> dict[str, set[str]]:
    return {name: value.all_dependencies() for name, value in state.items()}

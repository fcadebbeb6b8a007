"""tic:acme/issuedCertificate:IssuedCertificate: all that one certificate takes, for every language."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any

import pulumi
from pulumi.errors import InputPropertiesError, InputPropertyErrorDetails
from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.provider.experimental.provider import ConstructRequest, ConstructResponse

from stacks import resources
from stacks.provider.acme.account import Account
from stacks.provider.acme.certificate import CERTIFICATE_OUTPUTS, Certificate
from stacks.provider.acme.get_epoch import CERTIFICATE, current_epoch
from stacks.provider.acme.identifiers import identifier
from stacks.provider.acme.order import DOMAINS, KEY_TYPE, PROFILE
from stacks.provider.component.outputs import as_output, as_value
from stacks.provider.dns.challenge_record import NAMESERVERS, PROVIDER, TIMEOUT_SECONDS, TIMING
from stacks.provider.properties import Kind, Output, Property, check
from stacks.provider.run import Operation, Run
from stacks.provider.values import UNKNOWN, is_unknown, plain, wrapped

Thread = Callable[[Callable[[], Any]], Awaitable[Any]]

TOKEN = "tic:acme/issuedCertificate:IssuedCertificate"  # noqa: S105  (a type token)
_OF_ACCOUNT = ("directoryUrl", "email", "termsOfServiceAgreed", "caCertificates", "eabCredential")
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
        *(each for each in Account.inputs if each.name in _OF_ACCOUNT),
        DOMAINS,
        KEY_TYPE,
        PROFILE,
        _PREFERRED_CHAIN,
        PROVIDER,
        NAMESERVERS,
        TIMEOUT_SECONDS,
        TIMING,
    )
    outputs: tuple[Output, ...] = (
        *CERTIFICATE_OUTPUTS,
        Output("privateKeyPem", Kind.STRING, "The private key, in PEM.", secret=True),
        Output("domains", Kind.STRINGS, "The names that it holds."),
        Output("epoch", Kind.INTEGER, "How many times it was made: each renewal is one higher."),
    )


async def construct(request: ConstructRequest, run: Run, thread: Thread) -> ConstructResponse:
    """Register the component and its children; its outputs are the certificate's.

    Raises InputPropertiesError with every input that is refused.
    """
    checked = check(IssuedCertificate.inputs, plain(request.inputs))
    if checked.failures:
        raise InputPropertiesError(
            f"the certificate {request.name!r} can't be made",
            [
                InputPropertyErrorDetails(property_path=each.path, reason=each.reason)
                for each in checked.failures
            ],
        )
    inputs = checked.inputs
    component = pulumi.ComponentResource(TOKEN, request.name, None, request.options)
    urn = str(await component.urn.future())
    names = inputs["domains"]
    if is_unknown(names):
        # A preview before another resource has said which names: what they become can't be shown yet.
        unknown = {each.name: UNKNOWN for each in IssuedCertificate.outputs}
        return ConstructResponse(urn, wrapped(unknown, ()), {})
    operation = Operation.begin(run, urn)
    epoch = (await thread(lambda: current_epoch(operation, None, _child(urn, request.name)))).epoch
    provider = inputs.get("provider")
    sequential = is_unknown(provider) or (await thread(lambda: run.broker.provider(provider))).sequential
    given = {each: as_output(value, request.inputs.get(each)) for each, value in inputs.items()}
    certificate = _compose(request.name, component, given, names, epoch, sequential=sequential)
    outputs = {
        each.name: getattr(certificate, resources.python_name(each.name))
        for each in IssuedCertificate.outputs
    }
    component.register_outputs(outputs)
    state = {name: await as_value(output) for name, output in outputs.items()}
    return ConstructResponse(urn, state, _dependencies(state))


def _compose(
    name: str,
    component: pulumi.ComponentResource,
    given: Mapping[str, Any],
    names: list[str],
    epoch: int,
    *,
    sequential: bool,
) -> resources.Certificate:
    ours = pulumi.ResourceOptions(parent=component)
    of_account: dict[str, Any] = {
        resources.python_name(each): given[each] for each in _OF_ACCOUNT if each in given
    }
    account = resources.Account(name, **of_account, opts=ours)
    access: dict[str, Any] = {
        "directory_url": account.directory_url,
        "account_uri": account.account_uri,
        "account_key_pem": account.private_key_pem,
        "ca_certificates": given.get("caCertificates"),
    }
    order = resources.Order(
        name,
        **access,
        domains=names,
        key_type=given["keyType"],
        profile=given.get("profile"),
        epoch=epoch,
        opts=ours,
    )
    settled: list[resources.Authorization] = []
    for domain in names:
        proof = order.authorizations.apply(partial(_of, domain=domain))
        record = resources.ChallengeRecord(
            f"{name}/{domain}",
            identifier=identifier(domain),
            token=proof["token"],
            key_authorization=proof["key_authorization"],
            authorization_status=proof["status"],
            provider=given.get("provider"),
            nameservers=given.get("nameservers"),
            timeout_seconds=given["timeoutSeconds"],
            timing=given.get("timing"),
            opts=pulumi.ResourceOptions(parent=component, depends_on=settled[-1:] if sequential else []),
        )
        settled.append(
            resources.Authorization(
                f"{name}/{domain}",
                **access,
                identifier=identifier(domain),
                url=proof["url"],
                challenge_url=proof["challenge_url"],
                publication=record.publication,
                opts=ours,
            )
        )
    return resources.Certificate(
        name,
        **access,
        order_url=order.order_url,
        csr_pem=order.csr_pem,
        private_key_pem=order.private_key_pem,
        domains=order.domains,
        epoch=order.epoch,
        preferred_chain=given.get("preferredChain"),
        opts=pulumi.ResourceOptions(parent=component, depends_on=settled),
    )


def _of(proofs: Sequence[Mapping[str, Any]], domain: str) -> dict[str, Any]:
    """The order's authorization for one of its names, with None for what a valid one does not have."""
    found = next(each for each in proofs if each["domain"] == domain)
    return {"token": None, "key_authorization": None, "challenge_url": None, **found}


def _child(urn: str, name: str) -> str:
    """The URN of the component's Certificate: a child's type carries its parents' types before its own."""
    stack, project, types, _ = urn.removeprefix("urn:pulumi:").split("::", 3)
    return f"urn:pulumi:{stack}::{project}::{types}${CERTIFICATE}::{name}"


def _dependencies(state: Mapping[str, PropertyValue]) -> dict[str, set[str]]:
    return {name: value.all_dependencies() for name, value in state.items()}

"""tic:acme/certificate:Certificate: what a finished order gives (RFC 8555 7.4), updated in place."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from stacks.errors import StackError
from stacks.provider.acme import allowance
from stacks.provider.acme.certificates import (
    Issued,
    Mismatch,
    check_belongs,
    check_covers,
    read_issued,
    top_issuer,
)
from stacks.provider.acme.directories import ACCOUNT
from stacks.provider.acme.epoch import CERTIFICATE, FIRST_EPOCH
from stacks.provider.acme.identifiers import told as named
from stacks.provider.acme.keys import private_key
from stacks.provider.acme.order import DOMAINS, FORGOTTEN
from stacks.provider.acme.polling import wait_to_look
from stacks.provider.acme.problems import AGAIN, AuthorityError, hint_for, told
from stacks.provider.acme.renewal_info import ask, renewal_info_url
from stacks.provider.acme.signing_requests import der, is_for_certificate
from stacks.provider.acme.stapling import shortfall
from stacks.provider.properties import Change, Kind, Output, Property
from stacks.provider.resource import Created, ResourceType, Values
from stacks.provider.run import Operation
from stacks.provider.values import is_unknown

if TYPE_CHECKING:
    from stacks.provider.acme.authority import Answer, Conversation

_UPDATE = Change.UPDATE
ANOTHER = ("orderUrl", "privateKeyPem", "preferredChain")
"""Inputs that mean another certificate, or another chain of it."""
CERTIFICATE_OUTPUTS = (
    Output("certificatePem", Kind.STRING, "The certificate alone, in PEM."),
    Output("chainPem", Kind.STRING, "The certificates between it and the root, in PEM, in order."),
    Output("fullchainPem", Kind.STRING, "The certificate, then its chain, in PEM."),
    Output("serial", Kind.STRING, "The serial number, in hexadecimal."),
    Output("issuer", Kind.STRING, "Who issued it, as a distinguished name (RFC 4514)."),
    Output("notBefore", Kind.STRING, "From when it is valid (RFC 3339, UTC)."),
    Output("notAfter", Kind.STRING, "Until when it is valid (RFC 3339, UTC)."),
)


class Certificate(ResourceType):
    """A new order (another epoch, other names) updates it in place, and so what is deployed."""

    token = CERTIFICATE
    description = (
        "The certificate of an order (RFC 8555 7.4): finishes the order once its authorizations are valid, "
        "and downloads the certificate. Another order updates it in place."
    )
    inputs = (
        *(replace(each, change=_UPDATE) for each in ACCOUNT),
        Property("orderUrl", Kind.STRING, "The Order's `orderUrl`.", required=True, change=_UPDATE),
        Property("csrPem", Kind.STRING, "The Order's `csrPem`.", required=True, change=_UPDATE),
        Property(
            "privateKeyPem",
            Kind.STRING,
            "The Order's `privateKeyPem`; none where there is a CSR of your own.",
            secret=True,
            change=_UPDATE,
            rule=private_key,
        ),
        replace(DOMAINS, description="The names that it must hold: the Order's `domains`.", change=_UPDATE),
        Property(
            "epoch",
            Kind.INTEGER,
            "The Order's `epoch`: which renewal it is.",
            default=FIRST_EPOCH,
            change=_UPDATE,
        ),
        Property(
            "preferredChain",
            Kind.STRING,
            "The common name of the root to prefer, where the CA offers several chains.",
            change=_UPDATE,
        ),
        Property(
            "directories",
            Kind.STRINGS,
            "The CAs that the next one may come from, the wanted one first: renewals are scheduled by it.",
            change=_UPDATE,
        ),
    )
    outputs = (
        *CERTIFICATE_OUTPUTS,
        Output("renewalInfoUrl", Kind.STRING, "Where the CA says when to renew (RFC 9773).", optional=True),
        Output(
            "renewalWindow",
            Kind.OBJECT,
            "When the CA wants it renewed, as it said at issuance.",
            optional=True,
            items="tic:acme/renewalWindow:RenewalWindow",
        ),
        Output(
            "renewalCheckAfter",
            Kind.STRING,
            "The CA wants no question about it before this time (RFC 3339, UTC).",
            optional=True,
        ),
    )

    def create(self, operation: Operation, inputs: Values) -> Created:
        """Finish the order and download; an order that is valid already is only downloaded from."""
        outputs = _obtained(operation, inputs)
        return Created(inputs["orderUrl"], outputs)

    def preview_update(self, state: Values, inputs: Values) -> dict[str, Any]:
        """Unknown where another certificate comes, else as it is."""
        return self.preview_create(inputs) if _another(state, inputs) else self.kept(state)

    def update(self, operation: Operation, state: Values, inputs: Values) -> dict[str, Any]:
        """The new order's certificate; no word to the CA where only the account's properties changed.

        A CA forgets orders in time, and with them the other chains that it offered.
        """
        if not _another(state, inputs):
            return self.kept(state)
        try:
            return _obtained(operation, inputs)
        except AuthorityError as error:
            if error.status not in FORGOTTEN or _another(state, inputs, but="preferredChain"):
                raise
        operation.warn(
            f"the CA no longer has the order of {named(inputs['domains'])}, so its chain stays as it is "
            "until the next renewal — next: tic cert renew --force, to have the other one now"
        )
        return self.kept(state)


def _another(state: Values, inputs: Values, *, but: str = "") -> bool:
    """Whether these inputs mean another certificate; the same names in another order do not."""
    if any(state.get(each) != inputs.get(each) for each in ANOTHER if each != but):
        return True
    names = inputs.get("domains")
    return is_unknown(names) or set(state["domains"]) != set(names or ())


def _obtained(operation: Operation, inputs: Values) -> dict[str, Any]:
    from stacks.provider.acme.authority import Access

    names = named(inputs["domains"])
    access = Access.of(inputs)
    with operation.run.authorities.talk(access) as talk:
        order = _finished(operation, talk, inputs, names)
        allowance.issued(operation, inputs["directoryUrl"], inputs["orderUrl"])
        offered = _downloaded(talk, str(order.get("certificate")), inputs.get("preferredChain"), names)
        issued = _chosen(operation, offered, inputs.get("preferredChain"), names)
        url = renewal_info_url(talk.directory, issued.certificate_pem)
    _check(issued, inputs)
    if lacking := shortfall(inputs["csrPem"], issued.certificate_pem):
        operation.warn(lacking)
    info = ask(operation.run.authorities, access, url, datetime.now(UTC)) if url else None
    return {
        "certificatePem": issued.certificate_pem,
        "chainPem": issued.chain_pem,
        "fullchainPem": issued.fullchain_pem,
        "serial": issued.serial,
        "issuer": issued.issuer,
        "notBefore": issued.not_before.isoformat(),
        "notAfter": issued.not_after.isoformat(),
        "renewalInfoUrl": url,
        "renewalWindow": info.window.to_json() if info else None,
        "renewalCheckAfter": info.ask_again.isoformat() if info else None,
    }


def _finished(operation: Operation, talk: "Conversation", inputs: Values, names: str) -> Mapping[str, Any]:
    """The order once it is valid: finalized when it is ready, then looked at until it is issued (7.4)."""
    url, doing = inputs["orderUrl"], f"get the certificate for {names}"
    answer, look = talk.read(url, doing), 0
    while (status := answer.body.get("status")) != "valid":
        if status == "ready":
            answer = _finalize(talk, answer, inputs["csrPem"], doing)
            if answer.body.get("status") == "valid":
                break
        elif status != "processing":
            raise _unfinished(names, answer.body)
        operation.say(f"waiting for the CA to issue {names}")
        what = f"the CA to issue the certificate for {names}"
        wait_to_look(operation, talk, url, look, answer.retry_after, what)
        answer, look = talk.read(url, doing), look + 1
    return answer.body


def _finalize(talk: "Conversation", order: "Answer", csr_pem: str, doing: str) -> "Answer":
    """Hand the CSR in. An attempt a moment ago may have done so: reading the order will tell."""
    from base64 import urlsafe_b64encode

    payload = {"csr": urlsafe_b64encode(der(csr_pem)).rstrip(b"=").decode()}
    try:
        return talk.post(str(order.body.get("finalize")), payload, doing)
    except AuthorityError as error:
        if error.code != "orderNotReady":
            raise
        return order


def _downloaded(talk: "Conversation", url: str, preferred: str | None, names: str) -> list[str]:
    """The CA's own chain, and where one is preferred the others that it offers (7.4.2)."""
    doing = f"download the certificate for {names}"
    answer = talk.read(url, doing)
    others = answer.alternates if preferred is not None else ()
    return [answer.text, *(talk.read(each, doing).text for each in others)]


def _chosen(operation: Operation, chains: Sequence[str], preferred: str | None, names: str) -> Issued:
    """The chain that ends below the preferred root, or the CA's first one."""
    try:
        tops = [top_issuer(each) for each in chains]
        if preferred is not None and preferred not in tops:
            offered = ", ".join(map(repr, dict.fromkeys(tops)))
            operation.warn(
                f"the CA offers no chain below {preferred!r} for {names}, only below {offered}; its first "
                "one is taken — next: prefer one of these, or leave `preferredChain` out"
            )
        return read_issued(chains[tops.index(preferred) if preferred in tops else 0])
    except ValueError as error:
        raise StackError(f"the CA's certificate for {names} can't be read: {error}", hint=AGAIN) from error


def _check(issued: Issued, inputs: Values) -> None:
    """A certificate for another key or without a name would be found out by the user's users."""
    try:
        check_belongs(issued.certificate_pem, issued.chain_pem, inputs.get("privateKeyPem"))
        check_covers(issued.certificate_pem, inputs["domains"])
        if not is_for_certificate(inputs["csrPem"], issued.certificate_pem):
            raise Mismatch("the certificate is not for the key of its signing request")
    except ValueError as error:
        hint = (
            "order from another CA; what this one issued is not kept"
            if isinstance(error, Mismatch)
            else AGAIN
        )
        raise StackError(f"the CA issued something that can't be used: {error}", hint=hint) from error


def _unfinished(names: str, order: Mapping[str, Any]) -> StackError:
    status = order.get("status")
    if problem := order.get("error"):
        return StackError(
            f"the CA did not issue {names}: {told(problem)}", hint=hint_for(problem, finding=True)
        )
    if status == "pending":
        return StackError(
            f"the order for {names} is still pending: not every name is proven to the CA",
            hint="make the Certificate depend on every Authorization of its order; then tic stack up",
        )
    return StackError(f"the order for {names} is {status} at the CA", hint=AGAIN)

"""What a certificate's key and request come from: a new key, the one before, or a CSR of the user's own."""

from dataclasses import dataclass, field
from typing import Any

from stacks.errors import StackError
from stacks.provider.acme.identifiers import told
from stacks.provider.acme.keys import KEY_TYPES, make_key
from stacks.provider.acme.signing_requests import (
    asks_for_stapling,
    is_for_key,
    make,
    names_in,
    signing_request,
)
from stacks.provider.acme.stapling import why_not
from stacks.provider.properties import Change, Checked, Failure, Kind, Property, Refused
from stacks.provider.resource import Values
from stacks.provider.values import is_unknown

KEY_TYPE = Property(
    "keyType", Kind.STRING, "The type of the certificate's key.", default="ec256", choices=KEY_TYPES
)
KEEP_KEY = Property(
    "keepKey",
    Kind.BOOLEAN,
    "Whether a renewal keeps the key (for TLSA records, pinned keys); else each has a new one. A key of "
    "another `keyType`, and one whose certificate was revoked, is not kept.",
    default=False,
    change=Change.UPDATE,
)
MUST_STAPLE = Property(
    "mustStaple",
    Kind.BOOLEAN,
    "Whether clients are to refuse it without a stapled OCSP answer (RFC 7633), where the CA still can.",
    default=False,
)
CSR_PEM = Property(
    "csrPem",
    Kind.STRING,
    "A certificate signing request of your own, in PEM, for exactly the `domains`: the private key stays "
    "where it is, and no state holds it.",
    rule=signing_request,
    guarded=True,
)
PROPERTIES = (KEY_TYPE, KEEP_KEY, MUST_STAPLE, CSR_PEM)
_MADE_HERE = (KEY_TYPE, KEEP_KEY)


@dataclass(frozen=True, slots=True)
class KeyAndRequest:
    """A CSR, and its private key where that is known; both PEM."""

    private_key_pem: str | None = field(repr=False)
    csr_pem: str


def refusals(given: Values, checked: Checked) -> list[Failure]:
    """What is wrong with these inputs taken together; `given` is what `checked` was made of."""
    inputs, wrong = checked.inputs, {each.path.partition("[")[0] for each in checked.failures}
    csr = inputs.get("csrPem")
    if csr is None or is_unknown(csr):
        return _not_stapled("mustStaple", inputs) if inputs.get("mustStaple") is True else []
    if "csrPem" in wrong:
        return []
    failures = [
        Failure(each.name, "is for a key that is made here; leave it out where there is `csrPem`")
        for each in _MADE_HERE
        if given.get(each.name) not in (None, each.default)  # SDKs that are made of the schema send defaults
    ]
    asks = asks_for_stapling(csr)
    if inputs.get("mustStaple") is True and not asks:
        reason = "is for a request that is made here; make `csrPem` with the TLS feature extension instead"
        failures.append(Failure("mustStaple", reason))
    failures += _not_stapled("csrPem", inputs) if asks else []
    if "domains" not in wrong and not is_unknown(inputs["domains"]):
        failures += _not_the_names(csr, inputs["domains"])
    return failures


def choose(state: Values, inputs: Values, *, revoked: bool = False) -> KeyAndRequest:
    """The key and request of an order for `inputs`; `state` is the order before, empty where there is none,
    `revoked` whether the certificate that came out of that was.
    """
    if csr := inputs.get("csrPem"):
        if is_for_key(csr, inputs["accountKeyPem"]):
            raise StackError(
                "the signing request is for the account's own key, which no CA takes (RFC 8555 11.1)",
                hint="make a key for the certificate alone, and the request with that",
            )
        return KeyAndRequest(None, csr)
    key = state.get("privateKeyPem") if keeps(state, inputs) and not revoked else None
    key = key or make_key(inputs["keyType"])
    return KeyAndRequest(key, make(key, inputs["domains"], must_staple=inputs["mustStaple"]))


def keeps(state: Values, inputs: Values) -> bool:
    """Whether the key of the order before is to be kept, and can be."""
    kept = inputs["keepKey"] and state.get("keyType") == inputs["keyType"]
    return bool(kept and state.get("privateKeyPem"))


def given_csr(state: Values) -> Any:
    """The CSR of the user's own that an order was made with; one that was made here has its key beside it."""
    return None if state.get("privateKeyPem") else state.get("csrPem")


def _not_stapled(path: str, inputs: Values) -> list[Failure]:
    reason = why_not(inputs.get("directoryUrl"))
    return [Failure(path, f"asks for a certificate that must be stapled: {reason}")] if reason else []


def _not_the_names(csr: str, domains: list[str]) -> list[Failure]:
    try:
        held = names_in(csr)
    except Refused as refused:
        return [Failure("csrPem", reason) for _, reason in refused.reasons]
    failures = []
    if missing := [each for each in domains if each not in held]:
        failures.append(f"is not for {told(missing)}, which `domains` has")
    if more := [each for each in held if each not in domains]:
        failures.append(f"is for {told(more)} too, which `domains` does not have")
    return [Failure("csrPem", each) for each in failures]

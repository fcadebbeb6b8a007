"""tic:acme/order:Order: an order for a certificate (RFC 8555 7.4), with its key and its CSR."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from stacks.provider.acme import allowance
from stacks.provider.acme.challenge import answered, thumbprint
from stacks.provider.acme.directories import ACCOUNT
from stacks.provider.acme.epoch import CERTIFICATE, FIRST_EPOCH
from stacks.provider.acme.identifiers import domains
from stacks.provider.acme.key_choice import CSR_PEM, PROPERTIES, choose, given_csr, refusals
from stacks.provider.acme.ordering import Wanted, in_order, place
from stacks.provider.acme.predecessor import predecessor
from stacks.provider.acme.problems import AuthorityError
from stacks.provider.properties import Change, Checked, Kind, Output, Property, changed
from stacks.provider.resource import Created, ResourceType, Values
from stacks.provider.run import Operation
from stacks.provider.values import UNKNOWN, is_unknown

if TYPE_CHECKING:
    from stacks.provider.acme.authority import Access, Conversation

_UPDATE = Change.UPDATE
FORGOTTEN = {403, 404, 410}
ON_THE_SIDE = {"accountKeyPem", "caCertificates", "keepKey"}
"""Inputs that mean the same order."""
_OF_KEY = {"accountKeyPem", "caCertificates"}
DOMAINS = Property(
    "domains",
    Kind.STRINGS,
    "The names of the certificate, at most 100; international names and `*.` wildcards are taken.",
    required=True,
    rule=domains,
)
PROFILE = Property("profile", Kind.STRING, "One of the profiles that the CA's directory lists.")


class Order(ResourceType):
    """Updated in place by another order at the CA when what is ordered changes, and when it died before a
    certificate came out of it: so what the state holds of the one before is at hand for the next.
    """

    token = "tic:acme/order:Order"  # noqa: S105  (a type token)
    description = (
        "An order for a certificate (RFC 8555 7.4). It makes the certificate's key and CSR, so that an "
        "interrupted issuance goes on with the same order. A renewal, or one that died at the CA, is another "
        "order in its place, which tells the CA what it replaces (RFC 9773 5)."
    )
    inputs = tuple(
        replace(each, change=_UPDATE)
        for each in (
            *ACCOUNT,
            DOMAINS,
            *PROPERTIES,
            PROFILE,
            Property(
                "epoch",
                Kind.INTEGER,
                "Raise it by one for a new certificate of the same names; getEpoch does when one is due.",
                default=FIRST_EPOCH,
            ),
        )
    )
    outputs = (
        Output("orderUrl", Kind.STRING, "The order's URL at the CA."),
        Output(
            "expires", Kind.STRING, "When the CA gives the order up if it is not finished.", optional=True
        ),
        Output(
            "authorizations",
            Kind.STRINGS,
            "What the CA wants proven, in the order of `domains`.",
            items="tic:acme/orderAuthorization:OrderAuthorization",
        ),
        Output(
            "privateKeyPem",
            Kind.STRING,
            "The certificate's private key, in PEM; none where there is a CSR of your own.",
            secret=True,
            optional=True,
        ),
        Output("csrPem", Kind.STRING, "The certificate signing request, in PEM: yours, or one made here."),
        Output(
            "replaces",
            Kind.STRING,
            "The certificate that the CA was told it replaces, by its identifier of RFC 9773 4.1.",
            optional=True,
        ),
    )

    def __init__(self) -> None:
        # Orders whose place another is to take, which is for ever: the diff of a run tells its update.
        self._over: set[str] = set()

    def check(self, given: Values) -> Checked:
        """Besides each property's own rules: what is wrong with them taken together."""
        checked = super().check(given)
        checked.failures.extend(refusals(given, checked))
        return checked

    def given(self, state: Values) -> dict[str, Any]:
        """The CSR is an input where it is the user's own."""
        return super().given({**state, CSR_PEM.name: given_csr(state)})

    def diff(
        self, operation: Operation, state: Values, inputs: Values, ignored: Iterable[str]
    ) -> dict[str, Change]:
        """Besides changed inputs: an order that died before a certificate came out of it is made anew.

        Another key of the account changes nothing of one that is done: its challenges are answered.
        """
        changes = super().diff(operation, self.given(state), inputs, ignored)
        if changes and changes.keys() <= _OF_KEY and _issued(operation, state["orderUrl"]):
            return {}
        if not self._means_another(state, inputs) and self._is_over(operation, state, inputs):
            changes["orderUrl"] = _UPDATE
        return changes

    def create(self, operation: Operation, inputs: Values) -> Created:
        """Order (newOrder), and read what the CA wants proven."""
        outputs = _ordered(operation, {}, inputs)
        return Created(outputs["orderUrl"], outputs)

    def preview_create(self, inputs: Values) -> dict[str, Any]:
        """Of the key and request, what is the user's own."""
        shown = super().preview_create(inputs)
        own = inputs.get(CSR_PEM.name)
        return {**shown, "csrPem": own, "privateKeyPem": None} if own is not None else shown

    def preview_update(self, state: Values, inputs: Values) -> dict[str, Any]:
        """Unknown where another order comes; else as the update itself, which asks nobody."""
        if self._comes_anew(state, inputs):
            return self.preview_create(inputs)
        if is_unknown(inputs.get("accountKeyPem")):
            return {**self.kept(state), "authorizations": UNKNOWN}
        return self._rewritten(state, inputs)

    def update(self, operation: Operation, state: Values, inputs: Values) -> dict[str, Any]:
        """Order anew; or, for names in another order or another account key, write the proofs anew."""
        if not self._comes_anew(state, inputs):
            return self._rewritten(state, inputs)
        if state["orderUrl"] in self._over:
            allowance.given_up(operation, state["directoryUrl"], state["orderUrl"])
        outputs = _ordered(operation, state, inputs)
        _give_up(operation, state, _access(state, inputs))
        return outputs

    def delete(self, operation: Operation, state: Values) -> None:
        """Give up what is still pending."""
        _give_up(operation, state, _access(state, state))

    def _comes_anew(self, state: Values, inputs: Values) -> bool:
        """As the diff of this run found."""
        return state["orderUrl"] in self._over or self._means_another(state, inputs)

    def _means_another(self, state: Values, inputs: Values) -> bool:
        """Whether these inputs are another order at the CA; the same names in another order are not."""
        names = {each.name for each in changed(self.inputs, self.given(state), inputs)}
        if _same_names(state.get("domains"), inputs.get("domains")):
            names.discard("domains")
        return bool(names - ON_THE_SIDE)

    def _rewritten(self, state: Values, inputs: Values) -> dict[str, Any]:
        ours = thumbprint(inputs["accountKeyPem"])
        proofs = [answered(each, ours) for each in state["authorizations"]]
        return {**self.kept(state), "authorizations": in_order(proofs, inputs["domains"])}

    def _is_over(self, operation: Operation, state: Values, inputs: Values) -> bool:
        """Whether another takes its place though the same is wanted; not where a certificate came out of it.

        The CA is asked whether it died. One with a kept key that is to be kept no longer is over, too: the CA
        may be refusing just that key.
        """
        url = state["orderUrl"]
        if _issued(operation, url):
            return False
        no_longer_kept = state.get("keepKey") is True and inputs.get("keepKey") is False
        if url not in self._over and (
            no_longer_kept or _expired(state) or not _stands(operation, url, _access(state, inputs))
        ):
            self._over.add(url)
        return url in self._over


def _ordered(operation: Operation, state: Values, inputs: Values) -> dict[str, Any]:
    """The outputs of another order at the CA; `state` is of the one before, if there was one."""
    from stacks.provider.acme.authority import Access

    made = choose(state, inputs, revoked=_was_revoked(operation, state))
    with operation.run.authorities.talk(Access.of(inputs)) as talk:
        replaces = None
        if state:
            replaces = predecessor(operation.run.held(CERTIFICATE), state, inputs, talk.directory)
        placed = place(operation, talk, Wanted(inputs["domains"], inputs.get("profile"), replaces))
    operation.run.ordered.update(each["url"] for each in placed.proofs)
    ours = thumbprint(inputs["accountKeyPem"])
    return {
        "orderUrl": placed.url,
        "expires": placed.expires,
        "authorizations": [answered(each, ours) for each in placed.proofs],
        "privateKeyPem": made.private_key_pem,
        "csrPem": made.csr_pem,
        "replaces": placed.replaces,
    }


def _give_up(operation: Operation, state: Values, access: "Access") -> None:
    """Give up what is still pending (7.5.2), so that it does not count against the account.

    Not what an order of this same run holds: a CA may give the new order the old one's authorizations.
    """
    if _issued(operation, state["orderUrl"]):
        return
    allowance.given_up(operation, state["directoryUrl"], state["orderUrl"])
    if _expired(state):
        return
    try:
        with operation.run.authorities.talk(access) as talk:
            if talk.read(state["orderUrl"], "read the order").body.get("status") != "pending":
                return
            for each in state["authorizations"]:
                if each["url"] not in operation.run.ordered and _pending(talk, each["url"]):
                    talk.post(each["url"], {"status": "deactivated"}, "give up an authorization")
    except AuthorityError:
        return  # politeness only: the CA gives it up by itself when it expires


def _access(state: Values, inputs: Values) -> "Access":
    """To the order that `state` has: with what is known of its account by now, as a key that was changed."""
    from stacks.provider.acme.authority import Access

    own = all(state.get(each) == inputs.get(each) for each in ("directoryUrl", "accountUri"))
    known = own and not is_unknown([inputs.get("accountKeyPem"), inputs.get("caCertificates")])
    return Access.of(inputs if known else state)


def _stands(operation: Operation, url: str, access: "Access") -> bool:
    """Whether the CA knows the order and it did not fail; raises AuthorityError where it can't be asked."""
    try:
        with operation.run.authorities.talk(access) as talk:
            return talk.read(url, "read the order").body.get("status") != "invalid"
    except AuthorityError as error:
        if error.status in FORGOTTEN:
            return False
        raise


def _issued(operation: Operation, order_url: str) -> bool:
    held = operation.run.held(CERTIFICATE)
    return any(each.outputs.get("orderUrl") == order_url for each in held)


def _was_revoked(operation: Operation, state: Values) -> bool:
    held = operation.run.held(CERTIFICATE) if state else ()
    return any(each.revoked and each.outputs.get("orderUrl") == state["orderUrl"] for each in held)


def _expired(state: Values) -> bool:
    expires = state.get("expires")
    return bool(expires) and datetime.fromisoformat(str(expires)) <= datetime.now(UTC)


def _pending(talk: "Conversation", url: str) -> bool:
    return talk.read(url, "read an authorization").body.get("status") == "pending"


def _same_names(old: Any, new: Any) -> bool:
    return not is_unknown(new) and isinstance(old, list) and isinstance(new, list) and set(old) == set(new)

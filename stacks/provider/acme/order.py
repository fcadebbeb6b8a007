"""tic:acme/order:Order: an order for a certificate (RFC 8555 7.4), with its key and its CSR."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from stacks.errors import StackError
from stacks.provider.acme.challenge import answered, thumbprint
from stacks.provider.acme.directories import ACCOUNT
from stacks.provider.acme.epoch import CERTIFICATE, FIRST_EPOCH
from stacks.provider.acme.identifiers import domains, identifier
from stacks.provider.acme.keys import KEY_TYPES, make_key, signing_request
from stacks.provider.acme.problems import AuthorityError
from stacks.provider.properties import Change, Kind, Output, Property
from stacks.provider.resource import Created, ResourceType, Values
from stacks.provider.run import Operation
from stacks.provider.values import UNKNOWN, is_unknown

if TYPE_CHECKING:
    from stacks.provider.acme.authority import Conversation

FORGOTTEN = {403, 404, 410}
DOMAINS = Property(
    "domains",
    Kind.STRINGS,
    "The names of the certificate, at most 100; international names and `*.` wildcards are taken.",
    required=True,
    rule=domains,
)
KEY_TYPE = Property(
    "keyType", Kind.STRING, "The type of the certificate's key.", default="ec256", choices=KEY_TYPES
)
PROFILE = Property("profile", Kind.STRING, "One of the profiles that the CA's directory lists.")


class Order(ResourceType):
    """Replaced when what is ordered changes, and when it died before a certificate came out of it."""

    token = "tic:acme/order:Order"  # noqa: S105  (a type token)
    description = (
        "An order for a certificate (RFC 8555 7.4). It makes the certificate's key and CSR, so that an "
        "interrupted issuance goes on with the same order. One that died at the CA is replaced."
    )
    inputs = (
        *ACCOUNT,
        DOMAINS,
        KEY_TYPE,
        PROFILE,
        Property(
            "epoch",
            Kind.INTEGER,
            "Raise it by one for a new certificate of the same names; getEpoch does that when one is due.",
            default=FIRST_EPOCH,
        ),
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
        Output("privateKeyPem", Kind.STRING, "The certificate's private key, in PEM.", secret=True),
        Output("csrPem", Kind.STRING, "The certificate signing request, in PEM."),
    )

    def diff(
        self, operation: Operation, state: Values, inputs: Values, ignored: Iterable[str]
    ) -> dict[str, Change]:
        """Besides changed inputs: an order that died before a certificate came out of it is replaced."""
        changes = super().diff(operation, state, inputs, ignored)
        if "domains" in changes and _same_names(state.get("domains"), inputs.get("domains")):
            changes["domains"] = Change.UPDATE
        if Change.REPLACE not in changes.values() and not _alive(operation, state):
            changes["orderUrl"] = Change.REPLACE
        return changes

    def create(self, operation: Operation, inputs: Values) -> Created:
        """Order (newOrder), and read what the CA wants proven."""
        from stacks.provider.acme.authority import Access

        names: list[str] = inputs["domains"]
        doing = f"order a certificate for {', '.join(names)}"
        key = make_key(inputs["keyType"])
        payload: dict[str, Any] = {"identifiers": [{"type": "dns", "value": name} for name in names]}
        with operation.run.authorities.talk(Access.of(inputs)) as talk:
            if inputs.get("profile"):
                payload["profile"] = _offered(talk.directory, inputs["profile"])
            answer = talk.post(talk.directory["newOrder"], payload, doing)
            urls = answer.body.get("authorizations") or []
            proofs = [_authorization(talk, url) for url in urls]
        operation.run.ordered.update(urls)
        ours = thumbprint(inputs["accountKeyPem"])
        outputs = {
            "orderUrl": answer.location,
            "expires": answer.body.get("expires"),
            "authorizations": in_order([answered(each, ours) for each in proofs], names),
            "privateKeyPem": key,
            "csrPem": signing_request(key, names),
        }
        return Created(answer.location, outputs)

    def preview_update(self, state: Values, inputs: Values) -> dict[str, Any]:
        """As the update itself, which asks nobody."""
        if is_unknown(inputs.get("accountKeyPem")):
            return {**self.kept(state), "authorizations": UNKNOWN}
        return self._updated(state, inputs)

    def update(self, operation: Operation, state: Values, inputs: Values) -> dict[str, Any]:
        """Names in another order, or another account key: what is to be proven is written anew."""
        return self._updated(state, inputs)

    def read(self, operation: Operation, state: Values) -> dict[str, Any] | None:
        """A dead order without a certificate is gone."""
        return self.kept(state) if _alive(operation, state) else None

    def delete(self, operation: Operation, state: Values) -> None:
        """Give up what is still pending (7.5.2), so that it does not count against the account.

        Not what an order of this same run holds: a CA may give the new order the old one's authorizations.
        """
        if _issued(operation, state["orderUrl"]) or _expired(state):
            return
        from stacks.provider.acme.authority import Access

        try:
            with operation.run.authorities.talk(Access.of(state)) as talk:
                if talk.read(state["orderUrl"], "read the order").body.get("status") != "pending":
                    return
                for each in state["authorizations"]:
                    if each["url"] not in operation.run.ordered and _pending(talk, each["url"]):
                        talk.post(each["url"], {"status": "deactivated"}, "give up an authorization")
        except AuthorityError:
            return  # politeness only: the CA gives it up by itself when it expires

    def _updated(self, state: Values, inputs: Values) -> dict[str, Any]:
        ours = thumbprint(inputs["accountKeyPem"])
        proofs = [answered(each, ours) for each in state["authorizations"]]
        return {**self.kept(state), "authorizations": in_order(proofs, inputs["domains"])}


def in_order(authorizations: Iterable[dict[str, Any]], names: Sequence[str]) -> list[dict[str, Any]]:
    """The authorizations in the order of the names, apex and wildcard apart: a CA gives them in any."""
    by_name = {each["domain"]: each for each in authorizations}
    if missing := [name for name in names if name not in by_name]:
        raise StackError(
            f"the CA's order holds no authorization for {', '.join(missing)}",
            hint="order from another CA: this one does not keep to RFC 8555 7.1.3",
        )
    return [by_name[name] for name in names]


def _authorization(talk: "Conversation", url: str) -> dict[str, Any]:
    """One authorization (7.1.4) with its dns-01 challenge; a valid one may have none left."""
    body = talk.read(url, "read an authorization").body
    name = str((body.get("identifier") or {}).get("value", ""))
    offered: list[Mapping[str, Any]] = body.get("challenges") or []
    challenge = next((each for each in offered if each.get("type") == "dns-01"), None)
    if challenge is None and body.get("status") != "valid":
        raise StackError(
            f"the CA does not let {name} be proven by a DNS record; it offers "
            f"{', '.join(str(each.get('type')) for each in offered) or 'nothing'}",
            hint="order from a CA that offers dns-01 (RFC 8555 8.4)",
        )
    wildcard = bool(body.get("wildcard"))
    return {
        "domain": f"*.{identifier(name)}" if wildcard else name,
        "identifier": identifier(name),
        "wildcard": wildcard,
        "url": url,
        "status": body.get("status"),
        "token": challenge and challenge.get("token"),
        "challengeUrl": challenge and challenge.get("url"),
    }


def _offered(directory: Mapping[str, Any], profile: str) -> str:
    offered = (directory.get("meta") or {}).get("profiles") or {}
    if profile not in offered:
        raise StackError(
            f"the CA has no profile {profile!r}",
            hint=f"choose one of {', '.join(sorted(offered))}" if offered else "leave `profile` out",
        )
    return profile


def _alive(operation: Operation, state: Values) -> bool:
    """Whether the order can be finished, or was; asks the CA only where no certificate came out of it."""
    if _issued(operation, state["orderUrl"]):
        return True
    if _expired(state):
        return False
    from stacks.provider.acme.authority import Access

    try:
        with operation.run.authorities.talk(Access.of(state)) as talk:
            return talk.read(state["orderUrl"], "read the order").body.get("status") != "invalid"
    except AuthorityError as error:
        if error.status in FORGOTTEN:
            return False
        raise


def _issued(operation: Operation, order_url: str) -> bool:
    held = operation.run.held(CERTIFICATE)
    return any(each.outputs.get("orderUrl") == order_url for each in held)


def _expired(state: Values) -> bool:
    expires = state.get("expires")
    return bool(expires) and datetime.fromisoformat(str(expires)) <= datetime.now(UTC)


def _pending(talk: "Conversation", url: str) -> bool:
    return talk.read(url, "read an authorization").body.get("status") == "pending"


def _same_names(old: Any, new: Any) -> bool:
    return not is_unknown(new) and isinstance(old, list) and isinstance(new, list) and set(old) == set(new)

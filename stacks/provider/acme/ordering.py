"""Placing an order at a CA (RFC 8555 7.4: newOrder), and reading what the CA wants proven for it (7.1.4)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stacks.errors import StackError
from stacks.provider.acme import allowance
from stacks.provider.acme.identifiers import identifier, told
from stacks.provider.acme.problems import AuthorityError
from stacks.provider.run import Operation

if TYPE_CHECKING:
    from stacks.provider.acme.authority import Answer, Conversation

# What CAs answer who do not take one certificate as the predecessor of another (RFC 9773 5): that it has been
# replaced (409), that it is another account's (unauthorized), that they do not know it (malformed, 404, and
# of Pebble 500). Ordering once more without it costs one request; a renewal that fails costs the certificate.
NOT_AS_REPLACEMENT = {"alreadyReplaced", "unauthorized", "malformed", "serverInternal"}
GONE_OR_TAKEN = {404, 409}


@dataclass(frozen=True, slots=True)
class Wanted:
    """An order to place: the names in their normal form and order, and the certificate that it replaces, by
    its identifier of RFC 9773 4.1.
    """

    names: Sequence[str]
    profile: str | None = None
    replaces: str | None = None

    def payload(self) -> dict[str, Any]:
        """Of newOrder (RFC 8555 7.4)."""
        said = {"profile": self.profile, "replaces": self.replaces}
        return {
            "identifiers": [{"type": "dns", "value": name} for name in self.names],
            **{name: value for name, value in said.items() if value is not None},
        }


@dataclass(frozen=True, slots=True)
class Placed:
    """An order at the CA: its URL, until when it may be finished (RFC 3339), what the CA wants proven, in the
    order of the names, and what the CA took it as a replacement of.
    """

    url: str
    expires: str | None
    proofs: list[dict[str, Any]]
    replaces: str | None


def place(operation: Operation, talk: "Conversation", wanted: Wanted) -> Placed:
    """Order it. A CA that refuses because of `replaces` is asked again without; nothing else changes then.

    Raises AuthorityError, and StackError where the CA offers no dns-01 or not the profile.
    """
    if wanted.profile is not None:
        _check_offered(talk.directory, wanted.profile)
    answer, replaces = _placed(operation, talk, wanted)
    urls: list[str] = answer.body.get("authorizations") or []
    try:
        proofs = in_order([_authorization(talk, url) for url in urls], wanted.names)
    except BaseException:  # whoever comes next orders anew: nobody knows of this one
        allowance.given_up(operation, talk.access.directory_url, answer.location)
        raise
    return Placed(answer.location, answer.body.get("expires"), proofs, replaces)


def _placed(operation: Operation, talk: "Conversation", wanted: Wanted) -> tuple["Answer", str | None]:
    doing = f"order a certificate for {told(wanted.names)}"
    url = talk.directory["newOrder"]

    def posted(one: Wanted) -> "Answer":
        return allowance.order(
            operation,
            talk.access,
            one.names,
            lambda: talk.post(url, one.payload(), doing),
            replaces=one.replaces is not None,
        )

    try:
        return posted(wanted), wanted.replaces
    except AuthorityError as error:
        if wanted.replaces is None or not _is_about_replacing(error):
            raise
    operation.say("the CA does not take it as the replacement of the one before; ordering it as a new one")
    return posted(Wanted(wanted.names, wanted.profile)), None


def _is_about_replacing(error: AuthorityError) -> bool:
    return error.code in NOT_AS_REPLACEMENT or error.status in GONE_OR_TAKEN


def in_order(authorizations: Iterable[dict[str, Any]], names: Sequence[str]) -> list[dict[str, Any]]:
    """The authorizations in the order of the names, apex and wildcard apart: a CA gives them in any."""
    by_name = {each["domain"]: each for each in authorizations}
    if missing := [name for name in names if name not in by_name]:
        raise StackError(
            f"the CA's order holds no authorization for {told(missing)}",
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
            f"the CA does not let {told([name])} be proven by a DNS record; it offers "
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


def _check_offered(directory: Mapping[str, Any], profile: str) -> None:
    offered = (directory.get("meta") or {}).get("profiles") or {}
    if profile not in offered:
        raise StackError(
            f"the CA has no profile {profile!r}",
            hint=f"choose one of {', '.join(sorted(offered))}" if offered else "leave `profile` out",
        )

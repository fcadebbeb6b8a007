"""tic:acme/authorization:Authorization: one published name, proven to the CA (RFC 8555 7.5)."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from stacks.broker import BrokerError
from stacks.errors import StackError
from stacks.provider.acme import allowance
from stacks.provider.acme.directories import ACCOUNT
from stacks.provider.acme.international import shown
from stacks.provider.acme.polling import wait_to_look
from stacks.provider.acme.problems import AGAIN, hint_for, told
from stacks.provider.dns.publication import publish_request, withdraw_request
from stacks.provider.properties import Change, Kind, Output, Property
from stacks.provider.resource import Created, ResourceType, Values
from stacks.provider.run import Operation
from stacks.provider.values import is_unknown

if TYPE_CHECKING:
    from stacks.provider.acme.authority import Answer, Conversation

OPEN = {"pending", "processing"}


class Authorization(ResourceType):
    """Answers the challenge, waits for the verdict, and has the record withdrawn whatever it is."""

    token = "tic:acme/authorization:Authorization"  # noqa: S105  (a type token)
    description = (
        "One name of an order, proven to the CA (RFC 8555 7.5): answers the challenge, waits until the CA "
        "has looked, and withdraws the record. One that the CA holds valid already is taken as it is."
    )
    inputs = (
        *ACCOUNT,
        Property("identifier", Kind.STRING, "The name to prove, without `*.`.", required=True),
        Property(
            "url",
            Kind.STRING,
            "The authorization's URL: from the Order's `authorizations`.",
            required=True,
        ),
        Property("challengeUrl", Kind.STRING, "The URL of its dns-01 challenge; a valid one needs none."),
        Property(
            "publication",
            Kind.OBJECT,
            "The ChallengeRecord's output. Leave it out where another resource holds the record.",
            change=Change.UPDATE,
            items="tic:dns/publication:Publication",
        ),
    )
    outputs = (
        Output("status", Kind.STRING, "The CA's verdict: valid."),
        Output("expires", Kind.STRING, "Until when the CA holds it valid.", optional=True),
    )

    def diff(
        self, operation: Operation, state: Values, inputs: Values, ignored: Iterable[str]
    ) -> dict[str, Change]:
        """A preview can't know that a record which had nothing to publish still has: that changes nothing.

        Nor does another key of the account: what is proven stays so, and nothing more is asked of the CA.
        """
        changes = super().diff(operation, state, inputs, (*ignored, "accountKeyPem", "caCertificates"))
        if state.get("publication") is None and is_unknown(inputs.get("publication")):
            changes.pop("publication", None)
        return changes

    def create(self, operation: Operation, inputs: Values) -> Created:
        """Answer, wait for the verdict, withdraw."""
        from stacks.provider.acme.authority import Access

        publication = inputs.get("publication")
        try:
            with operation.run.authorities.talk(Access.of(inputs)) as talk:
                answer = _prove(operation, talk, inputs)
        finally:
            if publication is not None:
                _withdraw(operation, publication)
        outputs = {"status": answer.body["status"], "expires": answer.body.get("expires")}
        return Created(inputs["url"], outputs)

    def update(self, operation: Operation, state: Values, inputs: Values) -> dict[str, Any]:
        """What is proven stays proven: a record that was published again (another account key) goes."""
        before, present = state.get("publication") or {}, inputs.get("publication")
        if present is not None and before.get("recordValue") != present["recordValue"]:
            _withdraw(operation, present)
        return self.kept(state)


def _prove(operation: Operation, talk: "Conversation", inputs: Values) -> "Answer":
    """The authorization once it is valid; raises StackError with what the CA found wrong."""
    name, url = inputs["identifier"], inputs["url"]
    answer = talk.read(url, f"read the authorization of {shown(name)}")
    is_new = answer.body.get("status") in OPEN
    if answer.body.get("status") == "pending":
        if not inputs.get("challengeUrl"):
            raise StackError(
                f"the authorization of {shown(name)} has no dns-01 challenge to answer", hint=AGAIN
            )
        if inputs.get("publication") is not None:
            _ensure_published(operation, inputs["publication"])
        operation.say(f"asking the CA to look at {shown(name)}")
        if not _is_answered(answer.body, inputs["challengeUrl"]):
            talk.post(inputs["challengeUrl"], {}, f"answer the challenge of {shown(name)}")
    look = 0
    while answer.body.get("status") in OPEN:
        asked = answer.retry_after if look else None
        wait_to_look(operation, talk, url, look, asked, f"the CA to look at {shown(name)}")
        answer = talk.read(url, f"read the authorization of {shown(name)}")
        look += 1
    is_valid = answer.body.get("status") == "valid"
    if is_new:
        allowance.validated(operation, talk.access, name, valid=is_valid)
    if not is_valid:
        raise _invalid(name, answer.body)
    return answer


def _is_answered(authorization: Values, challenge_url: str) -> bool:
    """Whether an earlier run answered and the CA is looking (RFC 8555 7.1.6): two answers are an error."""
    challenges = authorization.get("challenges") or ()
    return any(each.get("url") == challenge_url and each.get("status") == "processing" for each in challenges)


def _ensure_published(operation: Operation, publication: Values) -> None:
    """Publish again what an earlier run published: that run ended and took its records with it."""
    if (publication["recordName"], publication["recordValue"]) not in operation.run.published:
        operation.interruptible(
            lambda: operation.run.broker.publish(publish_request(publication)),
            f"{publication['recordName']} to be published",
        )


def _withdraw(operation: Operation, publication: Values) -> None:
    """A record that can't be withdrawn spoils no verdict: the broker's note lets the next run try again."""
    request = withdraw_request(publication)
    if request is None:
        return
    try:
        operation.run.broker.withdraw(request)
    except BrokerError as error:
        operation.warn(f"the record {request.record_name} was not withdrawn: {error} — next: {error.hint}")
    else:
        operation.run.published.discard((request.record_name, request.record_value))


def _invalid(name: str, body: Values) -> StackError:
    """The CA's reason is in the challenge that failed (RFC 8555 7.1.6, 8.2)."""
    status = body.get("status") or "in no state that RFC 8555 knows"
    for challenge in body.get("challenges") or ():
        if problem := challenge.get("error"):
            return StackError(
                f"the CA did not accept {shown(name)}: {told(problem)}", hint=hint_for(problem, finding=True)
            )
    return StackError(f"the authorization of {shown(name)} is {status} at the CA", hint=AGAIN)

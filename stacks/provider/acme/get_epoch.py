"""The function tic:acme/getEpoch:getEpoch: which epoch a certificate of this stack should have now."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from stacks.broker import StateResource
from stacks.errors import StackError
from stacks.provider.acme.directories import CA_CERTIFICATES
from stacks.provider.acme.epoch import CERTIFICATE, Decision, Held, Window, decide, may_ask
from stacks.provider.properties import Checked, Failure, Kind, Output, Property, check
from stacks.provider.run import Operation

TOKEN = "tic:acme/getEpoch:getEpoch"  # noqa: S105  (a type token)
DESCRIPTION = (
    "Which epoch a certificate of this stack should have now: one higher than it has when it is due (the "
    "CA's renewal window, RFC 9773, or one third of its lifetime left), else the one that it has. Give it to "
    "the Order."
)
ARGUMENTS = (
    Property("name", Kind.STRING, "The Certificate's name in the program; `name` or `urn` is needed."),
    Property("urn", Kind.STRING, "The Certificate's URN, where several have the same name."),
)
RESULTS = (
    Output("epoch", Kind.INTEGER, "The epoch for this run; 1 for a certificate that does not exist yet."),
    Output("due", Kind.BOOLEAN, "Whether the certificate is due for renewal."),
    Output("renewAt", Kind.STRING, "When renewal is or was due (RFC 3339, UTC).", optional=True),
)


def check_arguments(given: dict[str, Any]) -> Checked:
    """Name or URN, and nothing else."""
    checked = check(ARGUMENTS, given)
    if not checked.failures and not checked.inputs:
        return Checked({}, [Failure("name", "is required (or give `urn`)")])
    return checked


def answer(operation: Operation, arguments: dict[str, Any]) -> dict[str, Any]:
    """The function itself."""
    decision = current_epoch(operation, arguments.get("name"), arguments.get("urn"))
    moment = decision.renew_at.isoformat() if decision.renew_at else None
    return {"epoch": decision.epoch, "due": decision.due, "renewAt": moment}


def current_epoch(operation: Operation, name: str | None, urn: str | None) -> Decision:
    """The epoch of the stack's certificate of this name or URN; may ask the CA for its window."""
    found = find(operation.run.held(CERTIFICATE), name, urn)
    if found is None:
        return decide(None, datetime.now(UTC))
    try:
        held = Held.read(found.outputs)
    except (KeyError, TypeError, ValueError):
        return decide(None, datetime.now(UTC))  # a creation that never ended: there is no certificate in it
    now = datetime.now(UTC)
    if found.wanted_epoch is not None and found.wanted_epoch > held.epoch:
        return Decision(found.wanted_epoch, due=True, renew_at=now)
    return decide(held, now, _window(operation, held, found, now))


def find(resources: Sequence[StateResource], name: str | None, urn: str | None) -> StateResource | None:
    """The one with this URN, or with this name; raises StackError where the name is not enough."""
    if urn is not None:
        return next((each for each in resources if each.urn == urn), None)
    named = [each for each in resources if each.name == name]
    if len(named) > 1:
        raise StackError(
            f"{len(named)} certificates of this stack are named {name!r}",
            hint=f"give the `urn` instead: {named[0].urn}",
        )
    return named[0] if named else None


def _window(operation: Operation, held: Held, found: StateResource, now: datetime) -> Window | None:
    """The CA's window, asked at most once in each process, and only when the CA wants to be asked."""
    if not may_ask(held, now) or held.renewal_info_url is None:
        return None
    asked = operation.run.windows
    if held.renewal_info_url not in asked:
        asked[held.renewal_info_url] = _ask(operation, held.renewal_info_url, found, now)
    return asked[held.renewal_info_url]


def _ask(operation: Operation, url: str, found: StateResource, now: datetime) -> Window | None:
    from stacks.provider.acme.authority import Access
    from stacks.provider.acme.renewal_info import ask

    access = Access(found.inputs["directoryUrl"], found.inputs.get(CA_CERTIFICATES.name))
    info = ask(operation.run.authorities, access, url, now)
    return info.window if info else None

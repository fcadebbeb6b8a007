"""Follows a run from its first message to its exit: what happened goes to the listener and the outcome."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from engine import events, going_on, interruption
from engine.launch import Exited, Interrupted, Launch, Said
from engine.standings import telling
from engine.unanswered import Unanswered

if TYPE_CHECKING:
    from engine.operation import Outcome
    from engine.state.sieve import Sieve

Listener = Callable[[events.Event], None]
LOGGING_IN = "Logging in using access token"


def follow(launch: Launch, outcome: "Outcome", listen: Listener, sieve: "Sieve") -> None:
    """Tell `listen` and note in `outcome` what the run's processes say, until nothing of the run is left.

    The first Ctrl-C lets Pulumi finish what is under way, the second one ends it.
    """
    interrupts = 0
    echoes: list[events.Event] = []
    unanswered = Unanswered()
    with interruption.told(launch.interrupted):
        for message in launch.messages():
            if isinstance(message, Interrupted):
                interrupts += 1
                outcome.interrupted = True
                _interrupt(launch, interrupts, listen)
            elif isinstance(message, Said):
                _heard(message, outcome, listen, sieve)
            elif isinstance(message, Exited):
                _ended(message, outcome)
            elif question := going_on.asked(message):
                launch.answer(question, failed=going_on.has_failed(outcome.steps))
            elif urn := going_on.untried(message):
                outcome.untried.append(sieve.redact(urn))
            else:
                unanswered.hear(message)
                event = events.read(message)
                if event is not None and events.is_echo(event):
                    echoes.append(event)
                else:
                    _happened(event, outcome, listen, sieve)
    outcome.unanswered = [each for each in unanswered.operations() if _may_be_kept(each["resource"], sieve)]
    if not outcome.errors:
        for echo in echoes:
            listen(echo)


def _again(known: events.Diagnostic, event: events.Diagnostic) -> bool:
    own = event.urn and "::pulumi:pulumi:Stack::" not in event.urn
    return known.message in event.message and (not own or known.urn == event.urn)


def _may_be_kept(resource: Mapping[str, Any], sieve: "Sieve") -> bool:
    """Whether nothing of what would go into the state is a secret of the run."""
    return all(sieve.redact(each) == each for each in resource.values() if isinstance(each, str))


def _interrupt(launch: Launch, times: int, listen: Listener) -> None:
    if times == 1:
        launch.interrupt()
        said = "interrupted: Pulumi finishes what is under way; press Ctrl-C again to end it now"
        listen(events.Notice(said, "warning"))
    else:
        launch.stop()
        interruption.ignore()


def _ended(exited: Exited, outcome: "Outcome") -> None:
    outcome.succeeded = exited.code == 0
    if exited.code < 0 and not outcome.interrupted:
        outcome.printed.append(f"the Pulumi engine was killed (signal {-exited.code})")


def _heard(said: Said, outcome: "Outcome", listen: Listener, sieve: "Sieve") -> None:
    line = sieve.redact(said.line)
    if said.stream.startswith("program"):
        listen(events.Notice(line))
    elif said.stream == "pulumi-stderr" and line.strip() and not line.startswith(LOGGING_IN):
        outcome.printed.append(line)


def _happened(event: events.Event | None, outcome: "Outcome", listen: Listener, sieve: "Sieve") -> None:
    if event is None:
        return
    if isinstance(event, events.Step):
        changed = tuple(map(sieve.redact, event.changed))
        differences = tuple(each.mapped(sieve.redact) for each in event.differences)
        event = replace(event, urn=sieve.redact(event.urn), changed=changed, differences=differences)
        outcome.steps[event.urn] = telling(outcome.steps.get(event.urn), event)
    if isinstance(event, events.Diagnostic):
        message, urn = sieve.redact(event.message), sieve.redact(event.urn)
        event = events.Diagnostic(event.severity, message, urn)
        if event.severity == "error":
            if any(_again(known, event) for known in outcome.errors):
                return  # Pulumi says it once more, as the program's failure
            outcome.errors.append(event)
    if isinstance(event, events.Summary):
        outcome.changes, outcome.seconds = event.changes, event.seconds
    listen(event)

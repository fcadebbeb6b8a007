"""Follows a run from its first message to its exit: what happened goes to the listener and the outcome."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from engine import events, interruption
from engine.launch import Exited, Launch, Said
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
    messages = launch.messages()
    interrupts = 0
    echoes: list[events.Event] = []
    unanswered = Unanswered()
    while True:
        try:
            message = next(messages)
        except KeyboardInterrupt:
            interrupts += 1
            outcome.interrupted = True
            if interrupts == 1:
                launch.interrupt()
                listen(
                    events.Notice(
                        "interrupted: Pulumi finishes what is under way; press Ctrl-C again to end it now",
                        "warning",
                    )
                )
            else:
                launch.stop()
                interruption.ignore()
            messages = launch.messages()
            continue
        if isinstance(message, Exited):
            outcome.succeeded = message.code == 0
            outcome.unanswered = unanswered.operations()
            if message.code < 0 and not outcome.interrupted:
                outcome.printed.append(f"the Pulumi engine was killed (signal {-message.code})")
            if not outcome.errors:
                for echo in echoes:
                    listen(echo)
            return
        if isinstance(message, Said):
            _heard(message, outcome, listen, sieve)
        else:
            unanswered.hear(message)
            event = events.read(message)
            if event is not None and events.is_echo(event):
                echoes.append(event)
            else:
                _happened(event, outcome, listen, sieve)


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
    if isinstance(event, events.Diagnostic):
        message, urn = sieve.redact(event.message), sieve.redact(event.urn)
        event = events.Diagnostic(event.severity, message, urn)
        if event.severity == "error":
            if any(known.message in event.message for known in outcome.errors):
                return  # Pulumi says it once more, as the program's failure
            outcome.errors.append(event)
    if isinstance(event, events.Summary):
        outcome.changes, outcome.seconds = event.changes, event.seconds
    listen(event)

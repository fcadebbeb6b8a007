"""How a run is shown while it goes on: live on a terminal, plain lines elsewhere, line-delimited JSON with
--json.
"""

import json
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Protocol, Self

from cli.change_lines import change_line
from cli.printable import printable
from engine.events import Diagnostic, Event, Notice, Phase, Step, Summary

if TYPE_CHECKING:
    from rich.table import Table


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What is said of a step when it comes to `phase`: a word for each of Pulumi's operations."""

    phase: Phase
    words: Mapping[str, str]


DONE = Vocabulary(
    "done",
    {
        "create": "created",
        "update": "updated",
        "delete": "deleted",
        "replace": "replaced",
        "create-replacement": "created",
        "delete-replaced": "deleted",
        "refresh": "refreshed",
        "read": "read",
        "import": "imported",
        "discard": "let go",
    },
)
PLANNED = Vocabulary(
    "started",
    {
        "create": "would create",
        "update": "would update",
        "delete": "would delete",
        "replace": "would replace",
        "create-replacement": "would create",
        "delete-replaced": "would delete",
    },
)
DRIFTED = Vocabulary("done", {"update": "differs from the state", "delete": "is gone"})
ROOT = "pulumi:pulumi:Stack"
SHOWN_MESSAGE_LINES = 40
MOST_LINES = 12  # of steps under way at once


class Progress(Protocol):
    """Something that shows a run; used as a context so that the terminal is always left as it was."""

    def __call__(self, event: Event) -> None:
        """Show one event."""

    def __enter__(self) -> Self: ...
    def __exit__(self, *_: object) -> None: ...


class Plain:
    """One line for each thing that happened, on stderr."""

    def __init__(self, told: Vocabulary, write: Callable[[str], object] | None = None) -> None:
        self._told = told
        self._write = write or _to_stderr
        self._started: dict[str, float] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return

    def __call__(self, event: Event) -> None:
        """Write the line of this event, if it has one."""
        if isinstance(event, Step) and event.phase == "started":
            self._started[event.urn] = time.monotonic()
        line = self.line(event)
        if line:
            self._write(printable(line))

    def line(self, event: Event) -> str | None:
        """The text for one event; None for what a reader can do without."""
        if isinstance(event, Step):
            return self._step(event)
        if isinstance(event, Diagnostic) and event.message:
            mark = {"error": "x", "warning": "!"}.get(event.severity, "|")
            where = event.urn.rpartition("::")[2]
            lines = event.message.splitlines()[:SHOWN_MESSAGE_LINES]
            text = "\n    ".join(lines)
            return f"  {mark} {where + ': ' if where else ''}{text}"
        if isinstance(event, Notice):
            return f"  {'!' if event.severity == 'warning' else '-'} {event.message}"
        return None

    def _step(self, step: Step) -> str | None:
        if step.operation == "same" or step.type == ROOT:
            return None
        if step.phase == "failed":
            return f"  x {step.type} {step.name}: {step.operation} failed"
        word = self._told.words.get(step.operation)
        if step.phase != self._told.phase or word is None:
            return None
        return f"  {_sign(step.operation)} {step.type} {step.name} {word}{self._detail(step)}"

    def _detail(self, step: Step) -> str:
        if self._told is PLANNED:
            return f" ({', '.join(step.changed)})" if step.changed else ""
        if self._told is DRIFTED:
            return "".join(f"\n      {change_line(asdict(each))}" for each in step.differences)
        seconds = time.monotonic() - self._started.get(step.urn, time.monotonic())
        return f" ({seconds:.1f} s)" if seconds >= 1 else ""


class Live:
    """Finished steps scroll by; below them a line for each step under way, with its seconds."""

    def __init__(self, told: Vocabulary) -> None:
        from rich.console import Console
        from rich.live import Live as RichLive
        from rich.spinner import Spinner

        self._under_way: dict[str, tuple[str, float]] = {}
        self._since = time.monotonic()
        self._plain = Plain(told, write=self._print)
        self._console = Console(stderr=True, highlight=False)
        self._spinner = Spinner("dots")
        self._live = RichLive(
            console=self._console, refresh_per_second=8, transient=True, get_renderable=self._running
        )

    def __enter__(self) -> Self:
        self._live.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.__exit__(None, None, None)

    def __call__(self, event: Event) -> None:
        """Take note of what started or ended, and print what is finished."""
        self._since = time.monotonic()
        if isinstance(event, Step):
            if event.phase == "started" and event.operation != "same" and event.type != ROOT:
                text = f"{event.type} {event.name}: {event.operation}"
                self._under_way[event.urn] = (text, self._since)
            else:
                self._under_way.pop(event.urn, None)
        self._plain(event)

    def _print(self, line: str) -> None:
        from rich.text import Text

        style = {"x": "red", "!": "yellow", "+": "green", "~": "yellow", "-": "dim"}.get(line.strip()[:1], "")
        with suppress(OSError):
            self._console.print(Text(line, style=style))

    def _running(self) -> "Table":
        from rich.table import Table

        table = Table.grid(padding=(0, 1))
        waiting = [("waiting for the engine", self._since)]
        for text, since in list(self._under_way.values())[-MOST_LINES:] or waiting:
            table.add_row("", self._spinner, text, f"{int(time.monotonic() - since)} s")
        return table


class Json:
    """Each event as one JSON object a line, on stdout."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return

    def __call__(self, event: Event) -> None:
        """Write the event with its kind."""
        kind = type(event).__name__.lower()
        body = asdict(event)
        if isinstance(event, Step):
            body |= {"name": event.name, "type": event.type}
        if isinstance(event, Summary):
            body["changes"] = dict(event.changes)
        print_line({"event": kind, **body})


def print_line(value: object) -> None:
    """One JSON value on a line of its own, flushed, so that a reader of the pipe sees it now."""
    with suppress(OSError):  # a reader that left must not end the run
        sys.stdout.write(json.dumps(value) + "\n")
        sys.stdout.flush()


def _to_stderr(line: str) -> None:
    with suppress(OSError):  # a closed terminal or a full disk behind it must not end the run
        sys.stderr.write(line + "\n")


def choose(told: Vocabulary, *, as_json: bool) -> Progress:
    """JSON when asked for, live when stderr is a terminal, else plain lines."""
    if as_json:
        return Json()
    return Live(told) if sys.stderr.isatty() else Plain(told)


def _sign(operation: str) -> str:
    if operation.startswith("create"):
        return "+"
    if operation.startswith("delete") or operation == "discard":
        return "-"
    return "~"

"""Starts the supervisor of one run and carries its words and Pulumi's events to the thread that waits for
them.
"""

import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from engine import orphans

SUPERVISOR = Path(__file__).with_name("supervisor.py")
PROGRAM_HOST = Path(__file__).with_name("program.py")
ROLLBACK_HOST = Path(__file__).with_name("rollback") / "host.py"
EVENT_LOG = "{events}"
KILLED = -signal.SIGKILL  # the exit code told when the supervisor itself was killed


@dataclass(frozen=True, slots=True)
class Command:
    """A program to start; its whole environment, nothing is inherited. `stdin` is all that it reads there."""

    argv: Sequence[str]
    environment: Mapping[str, str]
    folder: Path
    stdin: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Said:
    """A line that Pulumi or the program printed; `stream` says which (pulumi-stdout, program-stderr, ...)."""

    stream: str
    line: str


@dataclass(frozen=True, slots=True)
class Exited:
    """Pulumi ended with this exit code, and nothing of the run is left."""

    code: int


@dataclass(frozen=True, slots=True)
class Interrupted:
    """The person, or whoever runs tic, wants the run to stop."""


Message = Mapping[str, Any] | Said | Exited | Interrupted


class Launch:
    """One run's processes: `messages` until Exited; leaving the context ends whatever still lives.

    Secrets travel to the children in environments and on stdins, both sent over the supervisor's stdin: never
    in an argument or a file. Engine events come through a pipe (`--event-log /dev/fd/N`), so no event is
    written to disk unredacted.
    """

    def __init__(self, program: Command | None, private: Path) -> None:
        """Start the supervisor and the program host, which gets ready while tic prepares the rest.

        The supervisor removes the folder `private` when all has ended, whether tic is there or not.
        """
        read_end, self._events = os.pipe()
        self._queue: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(SUPERVISOR)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={"PATH": os.environ.get("PATH", os.defpath)},
            text=True,
            start_new_session=True,
            stderr=subprocess.DEVNULL,
            pass_fds=[self._events],
        )
        self._events_done = threading.Event()
        for target, stream in (
            (self._read_events, os.fdopen(read_end)),
            (self._read_words, self._process.stdout),
        ):
            threading.Thread(target=target, args=(stream,), daemon=True).start()
        self._private = private
        orphans.note(private, self._process.pid)
        host = self._order(program.argv, program) if program else None
        self._tell(json.dumps({"program": host, "private": str(private)}))

    def start(self, pulumi: Command) -> None:
        """Start Pulumi, as soon as the program host has said its port."""
        argv = [word.replace(EVENT_LOG, f"/dev/fd/{self._events}") for word in pulumi.argv]
        self._tell(json.dumps({"pulumi": self._order(argv, pulumi), "keep": [self._events]}))
        self._close_events()

    @property
    def pid(self) -> int:
        """The supervisor's process id; all processes of the run descend from it."""
        return self._process.pid

    def messages(self) -> Iterator[Message]:
        """Everything that is said, in order of arrival; the last one is Exited."""
        while True:
            message = self._queue.get()
            yield message
            if isinstance(message, Exited):
                return

    def interrupted(self) -> None:
        """Put an Interrupted among the messages; may be called from a signal's handler."""
        self._queue.put(Interrupted())

    def answer(self, question: str, *, failed: bool) -> None:
        """Tell the program's host whether a step of the run has failed (engine.going_on)."""
        with suppress(OSError):  # the folder goes with the run, and then nobody waits for it
            (self._private / f"{question}.{failed}").touch(mode=0o600)

    def interrupt(self) -> None:
        """Ask Pulumi to finish what is under way and stop."""
        self._tell("interrupt")

    def stop(self) -> None:
        """End every process of the run now."""
        self._tell("stop")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.stdin is not None:
            with suppress(BrokenPipeError):
                self._process.stdin.close()
        self._close_events()
        self._process.wait()
        orphans.end_session(self._process.pid)

    def _order(self, argv: Sequence[str], command: Command) -> dict[str, Any]:
        environment = {**command.environment, orphans.MARK: str(self._private)}
        order = {"argv": list(argv), "env": environment, "cwd": str(command.folder)}
        return {**order, "stdin": command.stdin} if command.stdin else order

    def _close_events(self) -> None:
        if self._events >= 0:
            os.close(self._events)
            self._events = -1

    def _tell(self, line: str) -> None:
        assert self._process.stdin is not None  # noqa: S101 - made by PIPE
        try:
            self._process.stdin.write(line + "\n")
            self._process.stdin.flush()
        except (BrokenPipeError, ValueError):
            return  # it has ended; messages() tells

    def _read_events(self, stream: IO[str]) -> None:
        with stream:
            for line in stream:
                self._queue.put(json.loads(line))
        self._events_done.set()

    def _read_words(self, stream: IO[str]) -> None:
        code = KILLED
        with stream:
            for line in stream:
                word = json.loads(line)
                if "exit" in word:
                    code = word["exit"]
                else:
                    self._queue.put(Said(word["stream"], word["line"]))
        if code == KILLED:
            orphans.end_session(self._process.pid)  # its end of the event pipe must close, or nobody would
        self._events_done.wait(timeout=5)
        self._queue.put(Exited(code))

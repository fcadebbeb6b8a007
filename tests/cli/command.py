"""`tic` inside the test's process: what it prints, its exit code, stdin as a pipe."""

import io
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cli import errors
from cli.main import app


@dataclass(frozen=True, slots=True)
class Said:
    """What one command printed, and its exit code."""

    code: int
    out: str
    err: str


class Tic:
    """A home of its own; each call is one command."""

    def __init__(
        self, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self.home = home
        self._monkeypatch = monkeypatch
        self._capsys = capsys
        monkeypatch.setenv("TIC_HOME", str(home))

    def __call__(
        self, *words: str, stdin: str | bytes = b"", environ: Mapping[str, str] | None = None
    ) -> Said:
        """Run `tic WORDS`."""
        content = stdin.encode() if isinstance(stdin, str) else stdin
        with self._monkeypatch.context() as patch:
            patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
            for name, value in (environ or {}).items():
                patch.setenv(name, value)
            code = errors.run(lambda: app(list(words), prog_name="tic", standalone_mode=False))
        out, err = self._capsys.readouterr()
        return Said(code, out, err)


def refusal(said: Said) -> tuple[str, str]:
    """The error and the next step of a refused command, which printed nothing else."""
    assert said.out == ""
    *warnings, error, following = said.err.splitlines()
    assert all(line.startswith("warning: ") for line in warnings), said.err
    assert error.startswith("error: ")
    assert following.startswith("  next: ")
    return error.removeprefix("error: "), following.removeprefix("  next: ")


def anything(**known: Any) -> dict[str, Any]:
    """A dict that equals any other one with at least these items."""

    class Matching(dict[str, Any]):
        def __eq__(self, other: object) -> bool:
            return isinstance(other, dict) and all(other.get(name) == value for name, value in self.items())

        __hash__ = None

    return Matching(known)

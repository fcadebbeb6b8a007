"""How a run is shown: lines, JSON, and a terminal that is left as it was."""

import io
import json

import pytest

from cli import progress
from engine.events import Diagnostic, Event, Notice, Step, Summary

ORDER = (
    "urn:pulumi:site::site::tic:acme/issuedCertificate:IssuedCertificate$tic:acme/order:Order::certificate"
)
ROOT = "urn:pulumi:site::site::pulumi:pulumi:Stack::site-site"
EVENTS: list[Event] = [
    Step("started", "create", ROOT),
    Step("started", "create", ORDER),
    Notice("waiting for _acme-challenge.example.test"),
    Step("done", "create", ORDER),
    Step("failed", "update", ORDER),
    Diagnostic("warning", "careful", ORDER),
    Diagnostic("error", "first\nsecond", ""),
    Summary({"create": 1}, 3),
]


def plain(told: progress.Vocabulary = progress.DONE) -> list[str]:
    lines: list[str] = []
    shown = progress.Plain(told, write=lines.append)
    for event in EVENTS:
        shown(event)
    return lines


def test_each_thing_that_happened_is_a_line() -> None:
    assert plain() == [
        "  - waiting for _acme-challenge.example.test",
        "  + tic:acme/order:Order certificate created",
        "  x tic:acme/order:Order certificate: update failed",
        "  ! certificate: careful",
        "  x first\n    second",
    ]


def test_a_preview_says_what_would_happen() -> None:
    assert "  + tic:acme/order:Order certificate would create" in plain(progress.PLANNED)


def test_json_is_one_object_a_line_on_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    with progress.choose(progress.DONE, as_json=True) as shown:
        for event in EVENTS:
            shown(event)
    captured = capsys.readouterr()
    lines = [json.loads(line) for line in captured.out.splitlines()]
    assert captured.err == ""
    assert lines[1] == {
        "event": "step",
        "phase": "started",
        "operation": "create",
        "urn": ORDER,
        "changed": [],
        "differences": [],
        "name": "certificate",
        "type": "tic:acme/order:Order",
    }
    assert lines[-1] == {"event": "summary", "changes": {"create": 1}, "seconds": 3}


def test_a_terminal_shows_what_is_finished_and_what_is_under_way(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = io.StringIO()
    terminal.isatty = lambda: True  # type: ignore[method-assign]
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    with progress.choose(progress.DONE, as_json=False) as shown:
        assert isinstance(shown, progress.Live)
        for event in EVENTS[:2]:
            shown(event)
        shown._live.refresh()
        assert "tic:acme/order:Order certificate: create" in terminal.getvalue()
        for event in EVENTS[2:]:
            shown(event)
    text = terminal.getvalue()
    assert "tic:acme/order:Order certificate created" in text
    assert text.endswith("\x1b[?25h") or "\x1b[?25h" in text[-60:]  # the cursor is back

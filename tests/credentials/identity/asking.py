"""What the tests of every provider do: live in a test's clouds, and look for secrets in what comes out."""

import logging
import traceback
from collections.abc import Iterable, Mapping

import pytest

from credentials.secret import SecretBytes


def secrets(fields: Mapping[str, str]) -> dict[str, SecretBytes]:
    """Fields as the vault hands them over."""
    return {name: SecretBytes(value.encode()) for name, value in fields.items()}


def settle(monkeypatch: pytest.MonkeyPatch, env: Mapping[str, str]) -> None:
    """Let this process live in these clouds, with everything logged."""
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(logging.getLogger(), "level", logging.DEBUG)


def assert_nothing_told(
    error: BaseException,
    canaries: Iterable[str],
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """No canary is in the error, in what it stands on, in a log record, on standard output or error."""
    assert error.__cause__ is None
    assert error.__suppress_context__ or error.__context__ is None
    told = [str(error), repr(error), getattr(error, "hint", ""), "".join(traceback.format_exception(error))]
    told += [record.getMessage() for record in caplog.records]
    told += [*capfd.readouterr()]
    for canary in canaries:
        assert [text for text in told if canary in text] == []

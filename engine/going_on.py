"""A run goes on after a step has failed: who may, and what the program's host asks at its end.

Pulumi's `--continue-on-error` does what does not depend on the failed step. It also deletes what the program
has not registered, be it because of the failure; so only programs go on that are then as failed themselves:
those that tic serves, which ask, and those in YAML, which fail with their first resource.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from engine.events import Step
from engine.program import QUESTION, UNTRIED

WORD: Final = "--continue-on-error"
_QUESTION: Final = re.compile(re.escape(QUESTION) + r"([0-9a-f]{32})\b")
_UNTRIED: Final = re.compile(re.escape(UNTRIED) + r"(urn:\S+?)(?:<\{%|\s|$)")


def asked(event: Mapping[str, Any]) -> str | None:
    """The name of the question, where this engine event is one: has a step failed?"""
    return _said(_QUESTION, event)


def untried(event: Mapping[str, Any]) -> str | None:
    """The URN of a resource that the program has not come to, where this engine event tells of one."""
    return _said(_UNTRIED, event)


def has_failed(steps: Mapping[str, Step]) -> bool:
    """Whether a step on one of these resources has."""
    return any(each.phase == "failed" for each in steps.values())


def _said(form: re.Pattern[str], event: Mapping[str, Any]) -> str | None:
    said = event.get("diagnosticEvent") or {}
    found = form.search(said.get("message", "")) if said.get("ephemeral") else None
    return found[1] if found else None

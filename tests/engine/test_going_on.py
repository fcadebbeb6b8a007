"""What a program's host asks and tells on the way of the engine's events."""

from typing import Any

import pytest

from engine import going_on
from engine.program import QUESTION, UNTRIED

NAME = "0123456789abcdef" * 2


def said(message: str, *, ephemeral: bool = True) -> dict[str, Any]:
    return {"diagnosticEvent": {"message": message, "severity": "info", "ephemeral": ephemeral}}


def test_a_question_is_known_by_its_name() -> None:
    assert going_on.asked(said(f"<{{%reset%}}>{QUESTION}{NAME}<{{%reset%}}>\n")) == NAME


@pytest.mark.parametrize(
    "event",
    [
        said(f"{QUESTION}{NAME}", ephemeral=False),
        said(f"{QUESTION}../../etc/passwd"),
        said("hello"),
        {"resourcePreEvent": {}},
    ],
)
def test_nothing_else_is_a_question(event: dict[str, Any]) -> None:
    assert going_on.asked(event) is None


def test_what_was_not_come_to_is_told_by_its_urn() -> None:
    assert (
        going_on.untried(said(f"{UNTRIED}urn:pulumi:dev::a::t::n<{{%reset%}}>\n"))
        == "urn:pulumi:dev::a::t::n"
    )
    assert going_on.untried(said("hello")) is None
    assert going_on.untried({"summaryEvent": {}}) is None

"""How a run ended, in words for a chat: counts and names alone."""

import pytest

from engine.events import Diagnostic
from engine.notices import told
from engine.operation import Outcome

ERROR = Diagnostic("error", "canary of a provider", "")


@pytest.mark.parametrize(
    ("outcome", "title", "text"),
    [
        (
            Outcome(succeeded=True, changes={"create": 2, "same": 1}, seconds=3),
            "is done",
            "2 create, 1 same (3 s)",
        ),
        (Outcome(succeeded=True), "is done", "nothing to do (0 s)"),
        (
            Outcome(changes={"create": 1}, errors=[ERROR]),
            "failed",
            "1 create, 1 error; see: tic stack show site/dev",
        ),
        (Outcome(errors=[ERROR, ERROR]), "failed", "2 errors; see: tic stack show site/dev"),
        (
            Outcome(interrupted=True),
            "was interrupted",
            "nothing was changed; see: tic stack show site/dev",
        ),
    ],
)
def test_a_run_is_told_in_counts_and_never_in_a_providers_words(
    outcome: Outcome, title: str, text: str
) -> None:
    assert told("site/dev", "up", outcome) == (f"up of site/dev {title}", text)

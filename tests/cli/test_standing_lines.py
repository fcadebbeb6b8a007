"""The summary at the end of a run that failed."""

from cli.standing_lines import standing_lines
from engine.standings import Standing

DIRECTORY = "tic:deploy/directory:Directory"
STANDINGS = [
    Standing("u1", DIRECTORY, "a", "created"),
    Standing("u2", DIRECTORY, "b", "not tried"),
    Standing("u3", DIRECTORY, "c", "failed", "no room", "make some"),
]


def test_each_has_its_line_and_what_failed_its_next_step() -> None:
    assert list(standing_lines(STANDINGS, interrupted=False)) == [
        "how its deployments stand:",
        "  + Directory a: created",
        "  ! Directory b: not tried, because of a failure before",
        "  x Directory c: failed: no room",
        "      next: make some",
    ]


def test_after_an_interruption_nothing_is_said_of_why() -> None:
    assert "  ! Directory b: not tried" in list(standing_lines(STANDINGS, interrupted=True))


def test_a_stack_without_deployments_has_no_such_summary() -> None:
    assert (
        list(standing_lines([Standing("u", "aws:s3/bucket:Bucket", "b", "failed")], interrupted=False)) == []
    )

"""How each deployment of a stack stands after a run that failed, as lines: done first, failed last."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from engine.standings import Standing

MARKS: Final = {
    "created": "+",
    "deleted": "-",
    "unchanged": "=",
    "failed": "x",
    "cut off": "!",
    "not tried": "!",
}


def standing_lines(standings: "Sequence[Standing]", *, interrupted: bool) -> Iterator[str]:
    """One line each, and under what failed its next step; none where no deployment is concerned."""
    from engine.standings import DEPLOYMENT

    if not any(each.type.startswith(DEPLOYMENT) for each in standings):
        return
    yield "how its deployments stand:"
    for each in standings:
        why = f": {each.message}" if each.message else ""
        if each.state == "not tried" and not interrupted:
            why = ", because of a failure before"
        name = f"{each.type.rpartition(':')[2]} {each.name}"
        yield f"  {MARKS.get(each.state, '~')} {name}: {each.state}{why}"
        if each.next:
            yield f"      next: {each.next}"

"""How a first `up` grows with its resources, and a database with the updates of a large stack."""

import os
import statistics
from collections.abc import Callable
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Final

from bench import places
from bench.pairs import Ratio, bytes_shown, paired

SIZES: Final = {200: 3, 800: 1}  # resources: pairs; the file backend's cost grows with their square
LARGEST: Final = 2000  # resources, by tic alone
RUNS_OF_LARGEST: Final = 3
LINEAR: Final = 12  # ten times the resources in at most twelve times the time
KEPT: Final = 1000  # resources of the stack whose updates are counted
UPDATES: Final = 100  # each changes one resource
UPDATES_OF_FILES: Final = 3


def growth(folder: Path, engine: Path) -> list[Ratio]:
    """A first `up` of SIZES beside the file backend's, and of LARGEST beside a tenth of it."""
    number = count()

    def ours(size: int) -> float:
        place = places.with_tic(folder / f"grow-tic-{next(number)}", engine)
        places.project(place, size)
        place.run(places.TIC, "stack", "new", "dev")
        return place.run(places.TIC, "stack", "up", "dev")

    def theirs(size: int) -> float:
        place = places.with_files(folder / f"grow-files-{next(number)}", engine)
        places.project(place, size)
        place.run(engine, "stack", "init", "dev")
        return place.run(engine, "up", "--yes", "--skip-preview", "--stack", "dev")

    ratios = [
        paired(
            f"first `tic stack up`, {size} resources",
            lambda size=size: ours(size),  # type: ignore[misc]  # bound now, not when it is called
            "`pulumi up --skip-preview`, file backend",
            lambda size=size: theirs(size),  # type: ignore[misc]
            runs=runs,
            goal=0.15 if size == max(SIZES) else None,
            warm_up=size == min(SIZES),
        )
        for size, runs in SIZES.items()
    ]
    large = statistics.median(ours(LARGEST) for _ in range(RUNS_OF_LARGEST))
    small = ratios[0].ours
    against = f"tic, {min(SIZES)} resources"
    return [*ratios, Ratio(f"tic, {LARGEST} resources", large, against, small, large / small, LINEAR)]


def history(folder: Path, engine: Path) -> list[Ratio]:
    """Bytes that an update of KEPT resources adds which changes one of them.

    The events of the last twenty updates are kept besides; what they take no longer grows, so the updates
    after those are what is counted.
    """
    ours, theirs = (
        places.with_tic(folder / "history-tic", engine),
        places.with_files(folder / "history-files", engine),
    )
    for place in (ours, theirs):
        places.project(place, KEPT)
    ours.run(places.TIC, "stack", "new", "dev")
    sizes = _sizes(ours, UPDATES, lambda: ours.run(places.TIC, "stack", "up", "dev"))
    theirs.run(engine, "stack", "init", "dev")
    up = lambda: theirs.run(engine, "up", "--yes", "--skip-preview", "--stack", "dev")  # noqa: E731
    in_files = _sizes(theirs, UPDATES_OF_FILES, up)
    steady = (sizes[-1] - sizes[UPDATES // 4]) / (UPDATES - UPDATES // 4)
    overall = (sizes[-1] - sizes[0]) / UPDATES
    of_files = (in_files[-1] - in_files[0]) / UPDATES_OF_FILES
    against = "the file backend's folder"
    return [
        Ratio(what, a, against, b, a / b, goal, shown=bytes_shown)
        for what, a, b, goal in (
            (f"database after a first `up` of {KEPT} resources", sizes[0], in_files[0], None),
            (f"{UPDATES} updates of one of them: bytes per update", overall, of_files, 0.05),
            ("the same, once twenty updates' events are there", steady, of_files, 0.01),
        )
    ]


def _sizes(place: places.Place, updates: int, up: Callable[[], object]) -> list[int]:
    """Bytes on disk after a first `up`, and after each of `updates` that change one resource."""
    program = place.folder / "Pulumi.yaml"
    text = program.read_text()
    sizes = []
    for number in range(updates + 1):
        changed = number * 7 % KEPT  # another resource each time
        text = text.replace(f"{{value: v{changed}}}", f"{{value: changed {number}}}")
        program.write_text(text)
        up()
        sizes.append(_bytes_of_state(place))
    return sizes


def _bytes_of_state(place: places.Place) -> int:
    """What lies in the database or in the file backend's folder."""
    database = place.folder / "home" / "tic.db"
    if database.exists():
        return sum(path.stat().st_size for path in database.parent.glob("tic.db*"))
    total = 0
    for folder, _, files in os.walk(place.folder / "state"):
        for name in files:
            with suppress(FileNotFoundError):
                total += (Path(folder) / name).stat().st_size
    return total

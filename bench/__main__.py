"""`python -m bench [SECTION ...]` prints one table of ratios; without sections, of all (see SECTIONS)."""

import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from bench import growth, issuing, many, places
from bench.pairs import HEAD, Ratio, paired
from bench.vault import vault
from engine.home import Home
from engine.toolchain import pulumi
from engine.toolchain.progress import Printer


def startup(folder: Path, engine: Path) -> list[Ratio]:
    """What every command pays before it does anything."""
    place = places.with_tic(folder / "startup", engine)
    version = lambda: place.run(engine, "version")  # noqa: E731 - the same counterpart twice
    return [
        paired(
            "`tic --help`",
            lambda: place.run(places.TIC, "--help"),
            "`pulumi version`",
            version,
            runs=15,
            goal=0.8,
        ),
        paired(
            "`tic creds list`",
            lambda: place.run(places.TIC, "creds", "list"),
            "`pulumi version`",
            version,
            runs=15,
            goal=2.5,
        ),
    ]


def no_change(folder: Path, engine: Path) -> list[Ratio]:
    """An `up` that has nothing to do: ten resources, the same YAML program."""
    ours, theirs = (
        places.with_tic(folder / "same-tic", engine),
        places.with_files(folder / "same-files", engine),
    )
    for place in (ours, theirs):
        places.project(place, 10)
    ours.run(places.TIC, "stack", "new", "dev")
    ours.run(places.TIC, "stack", "up", "dev")
    theirs.run(engine, "stack", "init", "dev")
    theirs.run(engine, "up", "--yes", "--stack", "dev")
    up = lambda: ours.run(places.TIC, "stack", "up", "dev")  # noqa: E731 - the same counterpart twice
    return [
        paired(
            "`tic stack up`, no change, 10 resources",
            up,
            "`pulumi up --yes`, file backend",
            lambda: theirs.run(engine, "up", "--yes", "--stack", "dev"),
            runs=9,
            goal=0.9,
        ),
        paired(
            "the same",
            up,
            "`pulumi up --yes --skip-preview`, file backend",
            lambda: theirs.run(engine, "up", "--yes", "--skip-preview", "--stack", "dev"),
            runs=9,
            goal=None,
        ),
    ]


SECTIONS: dict[str, Callable[[Path, Path], list[Ratio]]] = {
    "startup": startup,
    "no-change": no_change,
    "growth": growth.growth,
    "history": growth.history,
    "issuing": issuing.issuing,
    "many-names": many.many_names,
    "vault": vault,
}


def main() -> None:
    """Measure the sections named on the command line, or all."""
    chosen = sys.argv[1:] or list(SECTIONS)
    unknown = [name for name in chosen if name not in SECTIONS]
    if unknown:
        raise SystemExit(f"no such section: {', '.join(unknown)}; there are: {', '.join(SECTIONS)}")
    engine = pulumi.ensure(Home.find(), Printer(sys.stderr)).path
    folder = Path(tempfile.mkdtemp(prefix="tic-bench-"))
    sys.stdout.write(
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}\n\n{HEAD}\n"
    )
    try:
        for name in chosen:
            for ratio in SECTIONS[name](folder, engine):
                sys.stdout.write(ratio.row() + "\n")
                sys.stdout.flush()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()

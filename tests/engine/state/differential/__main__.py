"""Run cases by their seeds: `python -m tests.engine.state.differential SEED ... [--show] [--shrink]`."""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from engine.home import Home
from engine.toolchain import pulumi
from engine.toolchain.progress import Printer
from tests.engine.state.differential.drawing import case
from tests.engine.state.differential.running import Bench, Difference, bench
from tests.engine.state.differential.shrinking import shrunk
from tests.engine.state.differential.steps import Case


def main() -> int:
    """Print what came of each case; how many did not come out alike is the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.engine.state.differential", description=__doc__)
    parser.add_argument(
        "seeds", type=int, nargs="+", metavar="SEED", help="with --range: the first, the last"
    )
    parser.add_argument("--range", action="store_true", help="every seed from the first to the last")
    parser.add_argument("--show", action="store_true", help="print each case, step by step")
    parser.add_argument("--shrink", action="store_true", help="look for a smaller case where they differ")
    given = parser.parse_args()
    seeds = range(given.seeds[0], given.seeds[1] + 1) if given.range else given.seeds
    engine = pulumi.ensure(Home.find(), Printer(sys.stderr)).path
    bad = 0
    with tempfile.TemporaryDirectory() as folder, bench(Path(folder), engine) as made:
        for seed in seeds:
            difference = _run(made, seed, show=given.show)
            bad += difference is not None
            if difference is not None and given.shrink:
                _show(shrunk(case(seed), lambda one: made.run(one).difference is not None, tries=100))
    return bad


def _run(made: Bench, seed: int, *, show: bool) -> Difference | None:
    drawn, began = case(seed), time.monotonic()
    if show:
        _show(drawn)
    result = made.run(drawn)
    took = f"{time.monotonic() - began:.1f} s"
    say(f"seed {seed}: {result.steps} steps, {result.failed} failed, {took} {result.broken}{result.hung}")
    if result.difference is not None:
        say(f"  differs after step {result.difference.number}: {result.difference.step}")
        say("  " + "\n  ".join(result.difference.lines))
    return result.difference


def _show(drawn: Case) -> None:
    for number, step in enumerate(drawn.steps):
        say(f"  {number}: {step}")


def say(line: str) -> None:
    """One line, at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())

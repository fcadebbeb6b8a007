"""Paired timings: A B A B ..., whole processes, so that a drift of the machine meets both."""

import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


def seconds_shown(seconds: float) -> str:
    """Seconds as a person reads them."""
    return f"{seconds:.2f} s" if seconds >= 0.05 else f"{seconds * 1000:.2f} ms"


def bytes_shown(count: float) -> str:
    """Bytes as a person reads them."""
    return f"{count / 1e6:.2f} MB" if count >= 1e6 else f"{count / 1e3:.1f} kB"


@dataclass(frozen=True, slots=True)
class Ratio:
    """Two medians, the median of the pairs' ratios, and the goal that it is held against (none: None);
    `at_most` is a goal for tic's own median. The medians are seconds, or what `shown` shows.
    """

    what: str
    ours: float
    against: str
    theirs: float
    ratio: float
    goal: float | None
    at_most: float | None = None
    shown: Callable[[float], str] = seconds_shown

    def row(self) -> str:
        """One line of the table, in Markdown."""
        goal = "-"
        if self.goal is not None:
            goal = f"≤ {self.goal:g}{'' if self.ratio <= self.goal else ' (missed)'}"
        if self.at_most is not None:
            goal = f"≤ {self.shown(self.at_most)}{'' if self.ours <= self.at_most else ' (missed)'}"
        ratio = f"{self.ratio:.2f}" if self.ratio >= 0.1 else f"{self.ratio:.4f}"
        return (
            f"| {self.what} | {self.shown(self.ours)} | {self.against} | {self.shown(self.theirs)} "
            f"| {ratio} | {goal} |"
        )


HEAD = "| what | tic | against | it | ratio | goal |\n|---|---|---|---|---|---|"


def timed(command: Sequence[str | Path], *, folder: Path, environment: Mapping[str, str]) -> float:
    """Seconds that a command takes; its output is shown only if it fails, which ends the benchmark."""
    start = time.perf_counter()
    done = subprocess.run(
        list(map(str, command)),
        cwd=folder,
        env=dict(environment),
        capture_output=True,
        text=True,
        check=False,
    )
    seconds = time.perf_counter() - start
    if done.returncode:
        sys.stderr.write(done.stdout + done.stderr)
        raise SystemExit(f"{' '.join(map(str, command))} failed with {done.returncode}")
    return seconds


def paired(
    what: str,
    ours: Callable[[], float],
    against: str,
    theirs: Callable[[], float],
    *,
    runs: int,
    goal: float | None,
    warm_up: bool = True,
) -> Ratio:
    """Measure both in turn, `runs` times after one uncounted pair."""
    if warm_up:
        ours(), theirs()
    pairs = [(ours(), theirs()) for _ in range(runs)]
    return Ratio(
        what,
        statistics.median(a for a, _ in pairs),
        against,
        statistics.median(b for _, b in pairs),
        statistics.median(a / b for a, b in pairs),
        goal,
    )

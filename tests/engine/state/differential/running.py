"""Cases run on both backends, step by step, as far as both agree."""

import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from engine.database import Database
from engine.home import Home
from engine.state.app import app
from engine.state.integrity import fault, repair
from engine.state.passphrase import Passphrase
from engine.state.server import serve
from engine.state.service import StateService
from tests.engine.state.conftest import Wax
from tests.engine.state.differential.comparing import broken, differences, of_states
from tests.engine.state.differential.sides import PHRASE, FileSide, Hung, Seen, Side, TicSide
from tests.engine.state.differential.steps import Case, Run, Step


@dataclass(frozen=True)
class Difference:
    """After the step of this number (from 0) the backends no longer agree."""

    number: int
    step: Step
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Result:
    """What came of a case: how many steps were done and how many of them failed, on both backends alike."""

    steps: int
    failed: int
    broken: str = ""  # the engine wrote a state that it refuses itself, and the case ended there
    difference: Difference | None = None
    hung: str = ""  # which command did, the first time


class Bench:
    """Both backends, ready for case after case."""

    def __init__(self, folder: Path, engine: Path, service: StateService, url: str) -> None:
        self.folder, self.engine, self.service, self.url = folder, engine, service, url
        self.sealed = Passphrase.new(PHRASE)

    def run(self, case: Case) -> Result:
        """Do the case's steps on both backends at once, and compare after each.

        The engine itself hangs now and then where resources fail: such a case is run again. One that hangs
        once more on the file backend says nothing of tic; on tic it fails.
        """
        try:
            first = self._run(case)
        except Hung as hung:
            return self._again(case, hung)
        difference = first.difference
        if difference is None or not (isinstance(difference.step, Run) and difference.step.at_once):
            return first
        # Side by side, what the engine comes to is sometimes chance: a difference is one if it comes again.
        second = self._run(case)
        return first if second.difference is not None else second

    def _again(self, case: Case, first: Hung) -> Result:
        try:
            return replace(self._run(case), hung=str(first))
        except Hung as hung:
            if hung.side is FileSide:
                return Result(0, 0, broken=str(hung), hung=str(first))
            raise

    def _run(self, case: Case) -> Result:
        with tempfile.TemporaryDirectory(dir=self.folder) as place, ThreadPoolExecutor(2) as pool:
            sides: list[Side] = [
                FileSide(Path(place) / "file", self.engine, self.sealed),
                TicSide(Path(place) / "tic", self.engine, self.service, self.url),
            ]
            try:
                for side in sides:
                    side.make(case.config, case.secrets)
                return _through(case, sides, pool)
            finally:
                for side in sides:
                    side.close()


def _through(case: Case, sides: list[Side], pool: ThreadPoolExecutor) -> Result:
    failed, ordered = 0, True
    for number, step in enumerate(case.steps):
        file, tic = pool.map(lambda side, step=step: side.do(step), sides)
        # What ran side by side is in any order, and stays so.
        ordered = ordered and not (isinstance(step, Run) and step.at_once)
        failed += bool(file.code)
        if what := broken(file):
            # The file backend ends a run there and then. tic's service gets a journal, and repairs the state
            # when the run is over, if there is a way to.
            return Result(number + 1, failed, what, _unmended(number, step, tic))
        if isinstance(step, Run) and step.at_once and file.code and tic.code:
            # What the others had come to when one failed is chance.
            return Result(number + 1, failed)
        if found := differences(file, tic, ordered=ordered):
            return Result(number + 1, failed, difference=Difference(number, step, tuple(found)))
    if found := _as_exported(sides, pool, ordered=ordered):
        return Result(len(case.steps), failed, difference=Difference(number, step, tuple(found)))
    return Result(len(case.steps), failed)


def _as_exported(sides: list[Side], pool: ThreadPoolExecutor, *, ordered: bool) -> list[str]:
    """What `pulumi stack export --show-secrets` has on one backend and not on the other, nor in the state."""
    file, tic = pool.map(Side.exported, sides)
    return [
        *(f"exported: {line}" for line in of_states(file, tic, ordered=ordered)),
        *(f"tic's export: {line}" for line in of_states(sides[1].state(), tic, ordered=True)),
    ]


def _unmended(number: int, step: Step, tic: Seen) -> Difference | None:
    resources = tic.state.deployment.get("resources") or []
    repaired = repair(resources)
    if fault(resources) is None or repaired is None or fault(repaired) is not None:
        return None
    return Difference(number, step, (f"tic left a state that could be repaired: {fault(resources)}",))


@contextmanager
def bench(folder: Path, engine: Path) -> Iterator[Bench]:
    """A state service over a database of its own, served while the block runs."""
    database = Database.open(Home(folder / "tic", folder / "cache"), create=True)
    try:
        service = StateService(database, Wax())
        with serve(lambda: app(service)) as url:
            yield Bench(folder, engine, service, url)
    finally:
        database.close()

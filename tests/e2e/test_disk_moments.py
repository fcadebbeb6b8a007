"""C3: at any moment of a run of thirty resources the disk becomes full, may only be read, or is locked by
another program, or the machine dies and leaves torn pages. The next run converges, and names what only a
person can know.
"""

import json
import random
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.e2e.command import Result
from tests.e2e.killed.lab import Lab, all_gone, named
from tests.e2e.killed.test_every_entry import EVERYONE
from tests.engine.test_disk import FRAME, PAGE, pages_in
from tests.servers.disk import Disk, disk

pytestmark = [pytest.mark.server, pytest.mark.soak]

SPOILER = Path(__file__).with_name("spoiler.py")
ENTRIES = range(1, 76)
SIDE_BY_SIDE = 2


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    """A stack that is up in its first edition, and whose program is the second."""
    made = Lab.made(tmp_path_factory.mktemp("labs") / "base", "first")
    made.edit("second")
    return made


@contextmanager
def on_disk(base: Lab, folder: Path, *, image: bool) -> Iterator[tuple[Lab, Disk]]:
    """A copy of the lab whose home is a disk of its own."""
    folder.mkdir()
    kept = folder.with_name(f"{folder.name}.image") if image else None
    with disk(folder / "home", 48, image=kept) as own:
        shutil.copytree(base.folder, folder, dirs_exist_ok=True, copy_function=shutil.copy)
        (folder / "home").chmod(0o700)
        yield Lab(folder), own
    shutil.rmtree(folder)


def spoiled(lab: Lab, **plan: object) -> tuple[Result, bool]:
    """An `up` that is spoiled, and whether it came to that."""
    report, written = lab.folder / "report", lab.folder / "plan.json"
    written.write_text(json.dumps({**plan, "home": str(lab.home), "report": str(report)}))
    done = subprocess.run(
        [sys.executable, str(SPOILER), str(written), *lab.words("up")],
        cwd=lab.project,
        env=lab.tic.environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return Result(done.returncode, done.stdout, done.stderr), report.exists()


def converges(lab: Lab, *before: Result) -> tuple[int, int]:
    """Run again, unaided; returns how many things nobody's state has, and how many creates were named."""
    again = lab.run("up")
    truth, told = lab.truth("second"), named(*before, again)
    assert lab.differences("second") == set(), again.err
    assert (truth.missing, truth.stale, truth.unfinished) == ([], [], []), again.err
    assert set(truth.orphans) <= told, (truth, again.err)
    lab.tic("vault", "doctor")
    return len(truth.orphans), len(told)


def finished(result: Result) -> None:
    """It ended by itself, and if it failed, its last words are the next step."""
    assert result.code in (0, 1, 5), result
    if result.code:
        assert result.err.splitlines()[-1].startswith("  next: "), result.err


def many(entries: list[int], one: Callable[[int], tuple[int, int] | None], title: str, seed: int) -> None:
    """Run `one` at each entry and print the sums."""
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        done = [each for each in pool.map(one, entries) if each is not None]
    orphans, told = (sum(each[index] for each in done) for index in (0, 1))
    sys.stdout.write(
        f"seed {seed}: {title} at {len(done)} entries: {len(done)} converged, {orphans} orphans, all named; "
        f"{told} creates named\n"
    )
    assert len(done) >= len(entries) * 2 // 3


def chosen(count: int) -> tuple[int, list[int]]:
    seed = random.randrange(2**32)
    return seed, sorted(random.Random(seed).sample(ENTRIES, count))


def test_full_at_any_entry(base: Lab, tmp_path: Path) -> None:
    """Whatever was under way is recorded with the room that the run kept: nothing is made twice."""
    seed, entries = chosen(24)

    def one(entry: int) -> tuple[int, int] | None:
        with on_disk(base, tmp_path / f"full-{entry}", image=False) as (lab, own):
            ended, struck = spoiled(lab, how="full", entry=entry, when="before")
            refused = lab.run("up", code=None)
            found = None
            if struck:
                finished(ended)
                finished(refused)
                own.free()
                found = converges(lab, ended, refused)
                assert found[0] == 0, ended.err
        return found

    many(entries, one, "full", seed)


def test_closed_at_any_entry(base: Lab, tmp_path: Path) -> None:
    seed, entries = chosen(6)

    def one(entry: int) -> tuple[int, int] | None:
        with on_disk(base, tmp_path / f"closed-{entry}", image=True) as (lab, _own):
            ended, struck = spoiled(lab, how="closed", entry=entry, when="before")
            files = [path for path in lab.home.glob("tic.db*") if path.suffix != ".db-shm"]
            subprocess.run(["chattr", "-i", *files], check=True)
            found = None
            if struck:
                finished(ended)
                found = converges(lab, ended)
        return found

    many(entries, one, "closed", seed)


@pytest.mark.parametrize(("seconds", "count"), [(3, 8), (45, 2)])
def test_locked_at_any_entry(base: Lab, tmp_path: Path, seconds: int, count: int) -> None:
    """Longer than a writer waits: the engine asks again, and the run goes on."""
    seed, entries = chosen(count)

    def one(entry: int) -> tuple[int, int] | None:
        lab = base.copy(tmp_path / f"locked-{seconds}-{entry}")
        ended, struck = spoiled(lab, how="locked", entry=entry, when="before", seconds=seconds)
        assert ended.code == 0, ended.err
        assert not struck or "! waiting for process " in ended.err
        found = converges(lab, ended)
        shutil.rmtree(lab.folder)
        return found if struck else None

    many(entries, one, f"locked for {seconds} s", seed)


def test_torn_pages_after_a_kill_at_any_entry(base: Lab, tmp_path: Path) -> None:
    """The end of the log, and the pages of the file that the log has: what a power cut can leave."""
    seed, entries = chosen(16)

    def one(entry: int) -> tuple[int, int] | None:
        lab = base.copy(tmp_path / f"torn-{entry}")
        cut = lab.cut("up", victims=EVERYONE, when="after", entry=entry)
        if not cut.struck:
            return None
        assert all_gone(cut.processes)
        tear(lab.home / "tic.db", random.Random(seed + entry))
        found = converges(lab, cut.result)
        shutil.rmtree(lab.folder)
        return found

    many(entries, one, "torn", seed)


def tear(database: Path, chance: random.Random) -> None:
    log = database.with_name("tic.db-wal")
    written = log.read_bytes()
    content = bytearray(database.read_bytes())
    for page in pages_in(written):
        if page * PAGE <= len(content):
            half = page * PAGE - chance.randrange(1, PAGE)
            content[half : page * PAGE] = chance.randbytes(page * PAGE - half)
    database.write_bytes(content)
    log.write_bytes(written + chance.randbytes(chance.randrange(1, 3 * FRAME)))

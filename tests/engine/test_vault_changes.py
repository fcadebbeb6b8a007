"""Every change to a vault's database is noticed, or changes nothing that a vault holds."""

import random
import shutil
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from credentials.errors import CredentialError
from engine.errors import EngineError
from tests.engine import vault_changes
from tests.engine.vault_changes import content, same, statement
from tests.engine.vaults import SECRETS, SITE, Kept, full

SAMPLE, SOAK = 75, 2000


@pytest.fixture
def old_and_new(tmp_path: Path) -> tuple[Kept, Kept]:
    """A vault, and what it was before its last changes."""
    older = full(tmp_path / "older")
    newer = older.copy(tmp_path / "newer")
    installation = newer.installation()
    installation.vault.rotate("web", SECRETS["web"])
    installation.vault.activate("next")
    installation.vault.opened("next", purpose="a last test")
    installation.database.close()
    assert newer.wrong() == older.wrong() == []
    return older, newer


def noticed(kept: Kept) -> bool:
    """Whether the check of the vault, or a use of what is in it, says that something is wrong."""
    return bool(kept.wrong()) or not opens(kept)


def opens(kept: Kept) -> bool:
    installation = kept.installation()
    try:
        for name in SECRETS:
            installation.vault.opened(name, purpose="a test", place=SITE)
    except (CredentialError, EngineError):
        return False
    finally:
        installation.database.close()
    return True


def prove(
    kept: Kept, tmp_path: Path, times: int, change: Callable[[Path, Random], str | None]
) -> Counter[str]:
    """Change copies of the vault; each is noticed, or holds the same. Returns what came of them."""
    seed = random.getrandbits(32)
    chance, counts = Random(seed), Counter[str]()
    original = content(kept.home.database)
    for _ in range(times):
        copy = kept.copy(tmp_path / "copy")
        what = change(copy.home.database, chance)
        if what is None:
            counts["refused by the database"] += 1
            shutil.rmtree(copy.home.root)
            continue
        changed = content(copy.home.database)
        if noticed(copy):
            counts["noticed"] += 1
        elif same(changed, original):
            counts["no effect"] += 1
        else:
            counts["missed"] += 1
            sys.stderr.write(f"missed: {what}\n")
        shutil.rmtree(copy.home.root)
    sys.stderr.write(f"{times} changes with seed {seed}: {dict(counts)}\n")
    assert counts["missed"] == 0, f"seed {seed}"
    return counts


def of_the_file(older: Kept) -> Callable[[Path, Random], str]:
    before = older.home.database.read_bytes()

    def change(path: Path, chance: Random) -> str:
        match chance.randrange(10):
            case 0:
                return vault_changes.cut(path, chance)
            case 1:
                return vault_changes.swap_pages(path, chance)
            case 2:
                return vault_changes.old_page(path, chance, before)
            case _:
                return vault_changes.flip(path, chance)

    return change


def of_the_rows(older: Kept) -> Callable[[Path, Random], str | None]:
    return lambda path, chance: statement(path, chance, older.home.database)


def test_some_changes_of_the_file_are_noticed(old_and_new: tuple[Kept, Kept], tmp_path: Path) -> None:
    older, newer = old_and_new
    assert prove(newer, tmp_path, SAMPLE, of_the_file(older))["noticed"] > 0


def test_some_changes_of_the_rows_are_noticed(old_and_new: tuple[Kept, Kept], tmp_path: Path) -> None:
    older, newer = old_and_new
    assert prove(newer, tmp_path, SAMPLE, of_the_rows(older))["noticed"] > 0


@pytest.mark.soak
@pytest.mark.parametrize("of_what", [of_the_file, of_the_rows])
def test_thousands_of_changes_are_noticed(
    old_and_new: tuple[Kept, Kept],
    tmp_path: Path,
    of_what: Callable[[Kept], Callable[[Path, Random], str | None]],
) -> None:
    older, newer = old_and_new
    assert prove(newer, tmp_path, SOAK, of_what(older))["noticed"] > SOAK // 10


def test_an_old_copy_of_the_whole_file_is_noticed(old_and_new: tuple[Kept, Kept]) -> None:
    older, newer = old_and_new
    shutil.copy(older.home.database, newer.home.database)
    assert {check.name for check in newer.wrong()} == {"audit", "anchor"}
    assert not opens(newer)

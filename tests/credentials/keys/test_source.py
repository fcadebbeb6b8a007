"""One way to every source of a key."""

import subprocess
import sys
from pathlib import Path

import pytest

from credentials.keys import (
    SOURCES,
    Cost,
    KeyUnusable,
    UnknownSource,
    as_text,
    establish,
    forget,
    formers,
    new_key,
    place,
    prepare,
    read_key_file,
    settle,
    unlock,
)
from credentials.keys.former import keep_former

VAULT = "0" * 32
CHEAP = Cost(passes=1, memory=8 * 1024)
IN_PROCESS = [source for source in SOURCES if source != "keyring"]


@pytest.fixture
def environ() -> dict[str, str]:
    return {
        "TIC_KEY": as_text(new_key()).reveal().decode(),
        "TIC_NEW_KEY": as_text(new_key()).reveal().decode(),
        "TIC_PASSPHRASE": "correct horse battery staple",
        "TIC_NEW_PASSPHRASE": "staple battery horse correct",
    }


@pytest.mark.parametrize("source", IN_PROCESS)
def test_a_key_is_made_got_again_replaced_and_let_go(
    source: str, tmp_path: Path, environ: dict[str, str]
) -> None:
    first = establish(source, tmp_path, VAULT, environ=environ, cost=CHEAP)
    assert unlock(source, first.params, tmp_path, VAULT, environ=environ) == first.key
    second = establish(source, tmp_path, VAULT, replacing=True, environ=environ, cost=CHEAP)
    assert second.key != first.key
    for one in (first, second):  # whichever the row names, a kill in between or not
        assert unlock(source, one.params, tmp_path, VAULT, environ=environ) == one.key
    former = settle(source, second.params, tmp_path, VAULT)
    assert unlock(source, second.params, tmp_path, VAULT, environ=environ) == second.key
    last = forget(source, tmp_path, VAULT)
    kept = [] if former is None or last is None else [former, last]
    assert [read_key_file(path) for path in kept] == ([first.key, second.key] if source == "file" else [])
    assert sorted(tmp_path.iterdir()) == sorted(kept)


def test_a_key_file_that_is_not_to_be_kept_is_not(tmp_path: Path) -> None:
    establish("file", tmp_path, VAULT)
    second = establish("file", tmp_path, VAULT, replacing=True)
    assert settle("file", second.params, tmp_path, VAULT, keep=False) is None
    assert forget("file", tmp_path, VAULT, keep=False) is None
    assert list(tmp_path.iterdir()) == []


def test_a_former_key_is_kept_once_whatever_a_kill_left(tmp_path: Path) -> None:
    establish("file", tmp_path, VAULT)
    assert keep_former(tmp_path) == keep_former(tmp_path)
    (former,) = formers(tmp_path)
    assert former.stat().st_mode & 0o777 == 0o600


def test_preparing_asks_and_makes_nothing(tmp_path: Path, environ: dict[str, str]) -> None:
    for source in IN_PROCESS:
        prepare(source, environ=environ, cost=CHEAP)
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_source_is_refused_with_those_there_are() -> None:
    with pytest.raises(UnknownSource, match="'cloud'") as refused:
        prepare("cloud")
    assert all(source in refused.value.hint for source in SOURCES)
    assert refused.value.exit_code == 2


def test_a_row_with_an_unknown_source_is_damage(tmp_path: Path) -> None:
    with pytest.raises(KeyUnusable, match="changed by something else than tic"):
        unlock("cloud", {}, tmp_path, VAULT)


@pytest.mark.parametrize("source", SOURCES)
def test_each_place_has_words_and_shows_no_key(source: str, tmp_path: Path) -> None:
    assert place(source, tmp_path, VAULT)


def test_importing_the_sources_imports_no_cryptography_and_no_keyring() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import sys, credentials.keys; print(*sys.modules)"],
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        check=True,
    )
    assert {"nacl", "keyring", "cffi", "sqlalchemy"} & set(done.stdout.split()) == set()

"""The data folder: private, a folder, and its owner's."""

from pathlib import Path

import pytest

from engine.home import Home, HomeUnusable


@pytest.fixture
def home(tmp_path: Path) -> Home:
    found = Home(tmp_path / "home", tmp_path / "cache")
    found.make()
    return found


def test_a_private_home_is_fine_and_so_is_none_yet(home: Home, tmp_path: Path) -> None:
    home.check_folder()
    home.check_database()
    Home(tmp_path / "nowhere", tmp_path).check_folder()


@pytest.mark.parametrize("mode", [0o750, 0o701, 0o777])
def test_a_folder_that_others_can_enter_is_refused_with_the_command(home: Home, mode: int) -> None:
    home.root.chmod(mode)
    with pytest.raises(HomeUnusable, match=rf"open to other users \(mode {mode:04o}\)") as refused:
        home.check_folder()
    assert refused.value.hint == f"close it: chmod 700 {home.root}"
    assert refused.value.exit_code == 5


@pytest.mark.parametrize("file", ["tic.db", "tic.db-wal", "tic.db-shm", "tic.db-journal"])
def test_each_file_of_the_database_must_be_private(home: Home, file: str) -> None:
    path = home.root / file
    path.touch(0o600)
    home.check_database()
    path.chmod(0o640)
    with pytest.raises(HomeUnusable) as refused:
        home.check_database()
    assert refused.value.hint == f"close it: chmod 600 {path}"


def test_somebody_elses_folder_is_refused(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    owner = home.root.stat().st_uid
    monkeypatch.setattr("os.geteuid", lambda: owner + 1)
    with pytest.raises(HomeUnusable, match=f"belongs to user id {owner}, and you are {owner + 1}"):
        home.check_folder()


def test_a_home_that_is_no_folder_is_refused_and_no_command_offered(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(HomeUnusable, match="is no folder") as refused:
        Home(file, tmp_path).make()
    assert refused.value.hint == "set TIC_HOME to a folder of your own"
    with pytest.raises(HomeUnusable, match="Not a directory"):
        Home(file / "below", tmp_path).check_folder()


def test_the_command_can_be_pasted_whatever_the_folder_is_called(tmp_path: Path) -> None:
    home = Home(tmp_path / "a b; c", tmp_path)
    home.root.mkdir(0o755)
    home.root.chmod(0o755)
    with pytest.raises(HomeUnusable) as refused:
        home.check_folder()
    assert refused.value.command == f"chmod 700 '{home.root}'"


def test_a_variable_that_names_no_folder_is_said() -> None:
    with pytest.raises(HomeUnusable, match="TIC_HOME names no folder that can be found"):
        Home.find({"TIC_HOME": "~no-such-user/tic", "TIC_CACHE": "/cache"})

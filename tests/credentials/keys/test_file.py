"""The key file: private, whole, and never replaced."""

import os
from pathlib import Path

import pytest

from credentials.keys import KEY_BYTES, Established, KeyUnusable, file, make_key_file, read_key_file
from credentials.keys.form import key_id


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "vault.key"
    make_key_file(path)
    return path


def test_a_key_is_random_and_read_back(tmp_path: Path) -> None:
    one, other = make_key_file(tmp_path / "one"), make_key_file(tmp_path / "other")
    assert one != other
    assert read_key_file(tmp_path / "one") == one
    assert len(one.reveal()) == KEY_BYTES


def test_only_its_owner_can_read_a_key(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        make_key_file(tmp_path / "key")
    finally:
        os.umask(before)
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["key"]


def test_a_key_that_is_there_is_never_replaced(key_file: Path) -> None:
    before = key_file.read_bytes()
    with pytest.raises(KeyUnusable, match="can't be made"):
        make_key_file(key_file)
    assert key_file.read_bytes() == before


def test_what_a_killed_attempt_left_is_in_nobodys_way(tmp_path: Path) -> None:
    (tmp_path / ".vault.key.new").write_bytes(b"tic-vault-key-1:half")
    make_key_file(tmp_path / "vault.key")
    assert [path.name for path in tmp_path.iterdir()] == ["vault.key"]


def test_a_missing_key_says_where_it_must_be(tmp_path: Path) -> None:
    with pytest.raises(KeyUnusable, match="missing") as refused:
        read_key_file(tmp_path / "vault.key")
    assert str(tmp_path / "vault.key") in refused.value.hint
    assert refused.value.exit_code == 5


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o601])
def test_a_key_that_others_could_read_is_refused(key_file: Path, mode: int) -> None:
    key_file.chmod(mode)
    with pytest.raises(KeyUnusable, match=f"open to other users .mode {mode:04o}") as refused:
        read_key_file(key_file)
    assert f"chmod 600 {key_file}" in refused.value.hint


@pytest.mark.parametrize("cut", [0, 1, 15, 16, 30, 58, 59])
def test_a_cut_key_is_refused(key_file: Path, cut: int) -> None:
    key_file.write_bytes(key_file.read_bytes()[:cut])
    with pytest.raises(KeyUnusable, match="damaged"):
        read_key_file(key_file)


@pytest.mark.parametrize(
    "content", [b"x" * 61, b"tic-vault-key-1:" + b"!" * 45, b"tic-vault-key-1:\xff\n", b"\0" * 5000]
)
def test_something_else_than_a_key_is_refused(key_file: Path, content: bytes) -> None:
    key_file.write_bytes(content)
    with pytest.raises(KeyUnusable, match="damaged"):
        read_key_file(key_file)


def test_a_key_of_another_user_is_refused(key_file: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give a file away")
    os.chown(key_file, 12345, -1)
    with pytest.raises(KeyUnusable, match="belongs to user id 12345"):
        read_key_file(key_file)


def test_a_folder_in_place_of_a_key_is_refused(tmp_path: Path) -> None:
    (tmp_path / "vault.key").mkdir()
    with pytest.raises(KeyUnusable, match="is not a file"):
        read_key_file(tmp_path / "vault.key")


def test_a_pipe_in_place_of_a_key_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "vault.key"
    os.mkfifo(path, 0o600)
    with pytest.raises(KeyUnusable, match="is not a file") as refused:
        read_key_file(path)
    assert f"mv {path} " in refused.value.hint  # copied onto it, the key would wait as well
    with pytest.raises(KeyUnusable, match="is not a file"):
        file.establish(tmp_path)


@pytest.fixture
def present(tmp_path: Path) -> Established:
    """The key of a vault."""
    return file.establish(tmp_path)


def test_a_new_vault_takes_the_key_that_a_killed_attempt_left(tmp_path: Path) -> None:
    first = file.establish(tmp_path)
    assert file.establish(tmp_path) == first


def test_its_parameters_name_the_key_and_nothing_more(present: Established) -> None:
    assert present.params == {"id": key_id(present.key)}


def test_a_vault_of_before_notes_no_id_and_opens(present: Established, tmp_path: Path) -> None:
    file.establish(tmp_path, replacing=True)  # and a kill, before the row named any key
    assert file.unlock(None, tmp_path) == present.key


def test_whichever_key_the_row_names_is_found(present: Established, tmp_path: Path) -> None:
    following = file.establish(tmp_path, replacing=True)
    assert following.key != present.key
    assert file.unlock(present.params, tmp_path) == present.key
    assert file.unlock(following.params, tmp_path) == following.key


@pytest.mark.parametrize("committed", [False, True])
def test_settling_leaves_the_key_that_the_row_names(
    present: Established, tmp_path: Path, *, committed: bool
) -> None:
    following = file.establish(tmp_path, replacing=True)
    named = following if committed else present
    for _ in range(2):
        file.settle(named.params, tmp_path)
        assert [path.name for path in tmp_path.iterdir()] == ["vault.key"]
        assert file.unlock(named.params, tmp_path) == named.key


def test_settling_never_removes_a_key_while_the_vaults_own_is_missing(
    present: Established, tmp_path: Path
) -> None:
    file.establish(tmp_path, replacing=True)
    (tmp_path / "vault.key").unlink()
    file.settle(present.params, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["vault.key.next"]


def test_a_second_attempt_replaces_what_a_killed_one_left(present: Established, tmp_path: Path) -> None:
    left = file.establish(tmp_path, replacing=True)
    again = file.establish(tmp_path, replacing=True)
    assert again.key != left.key
    assert file.unlock(present.params, tmp_path) == present.key


def test_the_next_key_opens_where_the_first_is_gone(present: Established, tmp_path: Path) -> None:
    following = file.establish(tmp_path, replacing=True)
    (tmp_path / "vault.key").unlink()
    assert file.unlock(following.params, tmp_path) == following.key
    with pytest.raises(KeyUnusable, match="is missing"):
        file.unlock(present.params, tmp_path)


def test_the_key_of_another_vault_is_named_as_that(present: Established, tmp_path: Path) -> None:
    (tmp_path / "vault.key").unlink()
    make_key_file(tmp_path / "vault.key")
    with pytest.raises(KeyUnusable, match="is not the one that this vault was made with"):
        file.unlock(present.params, tmp_path)


def test_forgetting_removes_both(present: Established, tmp_path: Path) -> None:
    file.establish(tmp_path, replacing=True)
    file.forget(tmp_path)
    file.forget(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cant_be_written_says_so(tmp_path: Path) -> None:
    with pytest.raises(KeyUnusable, match="No such file") as refused:
        file.establish(tmp_path / "nowhere", replacing=True)
    assert refused.value.hint.endswith("then: tic vault doctor")

"""The operating system's keyring, with a backend that keeps its entries in this process."""

import sys
from collections.abc import Iterator

import pytest
from keyring.backends import fail, null
from keyring.errors import KeyringLocked

from credentials.keys import KeyUnusable, keyring
from credentials.keys.form import as_text, new_key
from credentials.keys.keyring import NoKeyring
from tests.credentials.keyrings import InMemory, using

VAULT = "0123456789abcdef0123456789abcdef"


class Locked(InMemory):
    """As one whose owner presses Cancel."""

    def get_password(self, service: str, username: str) -> str | None:
        raise KeyringLocked("canary")


@pytest.fixture
def entries() -> Iterator[dict[tuple[str, str], str]]:
    backend = InMemory()
    with using(backend):
        yield backend.entries


def test_a_key_is_kept_under_the_vaults_id(entries: dict[tuple[str, str], str]) -> None:
    made = keyring.establish(VAULT)
    assert entries == {("tic", VAULT): as_text(made.key).reveal().decode()}
    assert keyring.unlock(made.params, VAULT) == made.key
    assert (made.params["service"], made.params["username"]) == ("tic", VAULT)


def test_whichever_key_the_row_names_is_found(entries: dict[tuple[str, str], str]) -> None:
    before, after = keyring.establish(VAULT), keyring.establish(VAULT, replacing=True)
    assert len(entries) == 2
    assert keyring.unlock(before.params, VAULT) == before.key
    assert keyring.unlock(after.params, VAULT) == after.key


@pytest.mark.parametrize("committed", [False, True])
def test_settling_leaves_the_key_that_the_row_names(
    entries: dict[tuple[str, str], str], *, committed: bool
) -> None:
    before, after = keyring.establish(VAULT), keyring.establish(VAULT, replacing=True)
    named = after if committed else before
    for _ in range(2):
        keyring.settle(named.params, VAULT)
        assert list(entries) == [("tic", VAULT)]
        assert keyring.unlock(named.params, VAULT) == named.key


def test_settling_never_removes_a_key_while_the_vaults_own_is_missing(
    entries: dict[tuple[str, str], str],
) -> None:
    before, _ = keyring.establish(VAULT), keyring.establish(VAULT, replacing=True)
    del entries["tic", VAULT]
    keyring.settle(before.params, VAULT)
    assert list(entries) == [("tic", f"{VAULT}.next")]


def test_forgetting_removes_both(entries: dict[tuple[str, str], str]) -> None:
    keyring.establish(VAULT)
    keyring.establish(VAULT, replacing=True)
    keyring.forget(VAULT)
    keyring.forget(VAULT)
    assert entries == {}


def test_a_lost_entry_says_where_it_was(entries: dict[tuple[str, str], str]) -> None:
    made = keyring.establish(VAULT)
    entries.clear()
    with pytest.raises(KeyUnusable, match=f"has no key for this vault: service tic, user name {VAULT}"):
        keyring.unlock(made.params, VAULT)


def test_another_key_is_named_as_that(entries: dict[tuple[str, str], str]) -> None:
    made = keyring.establish(VAULT)
    entries["tic", VAULT] = as_text(new_key()).reveal().decode()
    with pytest.raises(KeyUnusable, match="not the one that this vault was made with"):
        keyring.unlock(made.params, VAULT)


def test_an_entry_that_is_no_key_is_not_repeated(entries: dict[tuple[str, str], str]) -> None:
    made = keyring.establish(VAULT)
    entries["tic", VAULT] = "canary"
    with pytest.raises(KeyUnusable, match="is no vault key") as refused:
        keyring.unlock(made.params, VAULT)
    assert "canary" not in str(refused.value) + refused.value.hint


def test_a_machine_without_a_keyring_says_so() -> None:
    nothing = fail.Keyring()  # type: ignore[no-untyped-call]
    with using(nothing), pytest.raises(NoKeyring, match="no keyring") as refused:
        keyring.check()
    assert refused.value.exit_code == 6
    assert "--key file" in refused.value.hint


def test_a_keyring_that_keeps_nothing_is_found_out() -> None:
    careless = null.Keyring()  # type: ignore[no-untyped-call]
    with using(careless), pytest.raises(KeyUnusable, match="did not keep the key"):
        keyring.establish(VAULT)


def test_a_locked_keyring_says_so() -> None:
    with using(Locked()), pytest.raises(KeyUnusable, match="is locked") as refused:
        keyring.unlock({}, VAULT)
    assert "canary" not in str(refused.value)


def test_without_the_package_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)
    with pytest.raises(NoKeyring, match="not installed") as refused:
        keyring.check()
    assert "pip install 'tic-engine[keyring]'" in refused.value.hint

"""A vault's key from a passphrase: asked for, or from a private file or a variable."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from credentials.keys import Cost, Established, KeyUnusable, passphrase
from credentials.keys.asking import NoTerminal, at_terminal
from credentials.keys.given import NEXT, VAULT
from credentials.keys.passphrase import PassphraseRefused
from credentials.secret import SecretBytes

WORDS = "correct horse battery staple"
CHEAP = Cost(passes=1, memory=8 * 1024)


def typed(*answers: str) -> Callable[[str], str]:
    """A person who types these lines, and no more."""
    waiting = list(answers)
    return lambda _question: waiting.pop(0)


def made(*answers: str, environ: Mapping[str, str] | None = None, replacing: bool = False) -> Established:
    return passphrase.establish(
        NEXT if replacing else VAULT, ask=typed(*answers), environ=environ or {}, cost=CHEAP
    )


def opened(
    params: Mapping[str, object] | None, *answers: str, environ: Mapping[str, str] | None = None
) -> SecretBytes:
    return passphrase.unlock(params, ask=typed(*answers), environ=environ or {})


def test_the_same_words_give_the_same_key_and_are_asked_for_once() -> None:
    one = made(WORDS, WORDS)
    assert opened(one.params, WORDS) == one.key


def test_the_same_words_give_another_vault_another_key() -> None:
    assert made(WORDS, WORDS).key != made(WORDS, WORDS).key


def test_the_row_notes_all_but_the_passphrase() -> None:
    one = made(WORDS, WORDS)
    assert set(one.params) == {"id", "kdf", "salt", "passes", "memory"}
    assert WORDS not in str(one.params)


def test_the_limits_that_are_stated_are_the_ones_of_a_real_vault() -> None:
    assert (Cost().passes, Cost().memory) == (3, 256 * 1024 * 1024)  # libsodium's MODERATE
    assert Cost().bounded()


def test_words_typed_in_another_form_of_unicode_open_too() -> None:
    one = made("caf\u00e9 caf\u00e9 caf\u00e9 caf\u00e9", "caf\u00e9 caf\u00e9 caf\u00e9 caf\u00e9")
    assert opened(one.params, "cafe\u0301 cafe\u0301 cafe\u0301 cafe\u0301") == one.key


def test_a_wrong_passphrase_is_named_as_that_and_not_repeated() -> None:
    one = made(WORDS, WORDS)
    with pytest.raises(KeyUnusable, match="the passphrase is not the one") as refused:
        opened(one.params, "canary canary canary")
    assert "canary" not in str(refused.value) + refused.value.hint
    assert refused.value.exit_code == 5


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("", "too short"),
        ("fourteen chars", "14 characters"),
        ("a" * 40, "over and over"),
        ("ab" * 999, "too long"),
    ],
)
def test_a_weak_passphrase_is_refused_before_it_is_asked_for_again(words: str, said: str) -> None:
    with pytest.raises(PassphraseRefused, match=said) as refused:
        made(words)
    assert refused.value.exit_code == 2


def test_two_that_differ_are_refused() -> None:
    with pytest.raises(PassphraseRefused, match="differ; nothing was changed"):
        made(WORDS, WORDS + " ")


def private(path: Path, content: bytes) -> str:
    path.write_bytes(content)
    path.chmod(0o600)
    return str(path)


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"])
def test_a_private_file_holds_it(tmp_path: Path, end: bytes) -> None:
    environ = {"TIC_PASSPHRASE_FILE": private(tmp_path / "words", WORDS.encode() + end)}
    one = made(environ=environ)
    assert opened(one.params, WORDS) == opened(one.params, environ=environ) == one.key


def test_a_variable_holds_it_and_the_file_goes_first(tmp_path: Path) -> None:
    one = made(environ={"TIC_PASSPHRASE": WORDS})
    file = private(tmp_path / "words", WORDS.encode())
    assert opened(one.params, environ={"TIC_PASSPHRASE": "x", "TIC_PASSPHRASE_FILE": file}) == one.key


def test_a_next_one_has_names_of_its_own_and_either_opens() -> None:
    environ = {"TIC_PASSPHRASE": WORDS, "TIC_NEW_PASSPHRASE": WORDS[::-1]}
    before, after = made(environ=environ), made(environ=environ, replacing=True)
    assert opened(after.params, WORDS[::-1]) == after.key
    assert opened(before.params, environ=environ) == before.key
    assert opened(after.params, environ=environ) == after.key


def test_a_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "words"
    private(path, WORDS.encode())
    path.chmod(0o644)
    with pytest.raises(KeyUnusable, match=r"open to other users.*mode 0644") as refused:
        made(environ={"TIC_PASSPHRASE_FILE": str(path)})
    assert f"chmod 600 {path}" in refused.value.hint


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"", "is empty"), (b"\n", "is empty"), (b"\xff" * 20, "not UTF-8"), (b"x" * 5000, "too large")],
)
def test_a_file_that_holds_no_passphrase_is_refused(tmp_path: Path, content: bytes, said: str) -> None:
    environ = {"TIC_PASSPHRASE_FILE": private(tmp_path / "words", content)}
    with pytest.raises(KeyUnusable, match=said):
        made(environ=environ)


@pytest.mark.parametrize("path", ["/nowhere/at/all", "/", "a\0b"])
def test_a_file_that_is_none_is_refused(path: str) -> None:
    with pytest.raises(KeyUnusable, match="can't be read"):
        made(environ={"TIC_PASSPHRASE_FILE": path})


@pytest.mark.parametrize(
    "change",
    [
        {"memory": 100 * 1024**3},
        {"memory": 0},
        {"memory": "much"},
        {"passes": 10**9},
        {"passes": True, "memory": None},
        {"salt": "!"},
        {"salt": "AAAA"},
        {"salt": 7},
        {"kdf": "scrypt"},
        {"id": "x"},
    ],
    ids=str,
)
def test_a_changed_row_asks_for_no_memory_and_no_passphrase(change: dict[str, object]) -> None:
    changed = {**made(WORDS, WORDS).params, **change}
    with pytest.raises(KeyUnusable, match="changed by something else than tic"):
        opened(changed)


def test_without_a_terminal_nobody_is_asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with (tmp_path / "stdin").open("w+") as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        with pytest.raises(NoTerminal):
            at_terminal("Passphrase: ")
        with pytest.raises(KeyUnusable, match="no terminal") as refused:
            passphrase.establish(VAULT, environ={})
    assert "TIC_PASSPHRASE_FILE" in refused.value.hint

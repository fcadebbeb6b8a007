"""A secret that was put into the vault is found nowhere outside of it (SPEC B2, B4)."""

import base64
import gc
import logging
import traceback
from collections.abc import Callable

import pytest

from credentials.errors import CredentialError
from credentials.kinds import load
from tests.credentials.worlds import World

CANARY = "cAnArY-5f0e1d-Zx9"
FIELDS = {"secret-id": "an-id", "secret-key": CANARY, "region": "cn-canary"}


def forms(secret: str) -> list[bytes]:
    """The secret as it is, and as a careless program may write it."""
    plain = secret.encode()
    return [
        plain,
        plain[::-1],
        plain.hex().encode(),
        base64.b64encode(plain).rstrip(b"="),
        secret.encode("utf-16-le"),
    ]


def assert_absent(content: bytes) -> None:
    assert [form for form in forms(CANARY) if form in content] == []


def test_the_canary_would_be_found() -> None:
    for form in forms(CANARY):
        with pytest.raises(AssertionError):
            assert_absent(b"..." + form + b"...")


def test_no_file_of_the_home_holds_a_secret(world: World) -> None:
    world.vault.new("prod", "tencentcloud", FIELDS)
    world.vault.opened("prod", purpose="a test")
    names = {path.name for path in world.home.root.iterdir()}
    assert names == {"tic.db", "tic.db-wal", "tic.db-shm", "vault.key", "vault.seen"}
    assert_absent(world.bytes())
    assert b"cn-canary" not in world.bytes(), "fields that are no secret are sealed too"
    world.vault.rotate("prod", {**FIELDS, "secret-key": "another"})
    assert_absent(world.bytes())
    world.close()
    assert_absent(world.bytes())


def test_only_the_owner_can_read_the_files(world: World) -> None:
    world.vault.new("prod", "tencentcloud", FIELDS)
    assert {path.name: path.stat().st_mode & 0o077 for path in world.home.root.iterdir()} == {
        "tic.db": 0,
        "tic.db-wal": 0,
        "tic.db-shm": 0,
        "vault.key": 0,
        "vault.seen": 0,
    }


def test_no_representation_shows_a_secret(world: World) -> None:
    made = world.vault.new("prod", "tencentcloud", FIELDS)
    opened = world.vault.opened("prod", purpose="a test")
    environment = load("tencentcloud").environment(opened.fields)
    for value in (
        made,
        opened,
        opened.fields,
        environment,
        world.vault.list(),
        world.vault.described("prod"),
    ):
        assert_absent(f"{value} {value!r}".encode())


MISTAKES: dict[str, Callable[[World], object]] = {
    "a control character": lambda world: world.vault.new(
        "x", "tencentcloud", {**FIELDS, "secret-key": CANARY + "\n"}
    ),
    "a missing field": lambda world: world.vault.new("x", "tencentcloud", {"secret-key": CANARY}),
    "an unknown field": lambda world: world.vault.new("x", "tencentcloud", {**FIELDS, CANARY: CANARY}),
    "a secret as a setting": lambda world: world.vault.new(
        "x", "tencentcloud", {**FIELDS, "region": CANARY + "!"}
    ),
    "a taken name": lambda world: world.vault.new("prod", "tencentcloud", FIELDS),
    "half a surrogate pair": lambda world: world.vault.new(
        "x", "tencentcloud", {**FIELDS, "secret-key": CANARY + "\ud800"}
    ),
    "a bad rotation": lambda world: world.vault.rotate("prod", {"secret-key": CANARY}),
    "a broken seal": lambda world: world.vault.opened("prod", purpose="a test"),
    "a stack's broken seal": lambda world: world.vault.unseal("a", world.vault.seal("b", CANARY.encode())),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_no_exception_shows_a_secret(world: World, mistake: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    world.vault.new("prod", "tencentcloud", FIELDS)
    if mistake == "a broken seal":
        world.sql("UPDATE credential_field SET sealed = substr(sealed, 2)")
    with pytest.raises(CredentialError) as refused:
        MISTAKES[mistake](world)
    error: BaseException | None = refused.value
    assert_absent("".join(traceback.format_exception(refused.value)).encode())
    while error is not None:
        assert_absent(f"{error} {error!r} {vars(error)} {error.args}".encode("utf-8", "backslashreplace"))
        error = error.__context__
    assert_absent(caplog.text.encode())


def test_an_exception_keeps_no_secret_in_what_it_refers_to(world: World) -> None:
    """Except in the frames of its traceback, which die with it."""
    try:
        world.vault.new("x", "tencentcloud", {**FIELDS, "region": CANARY + "!"})
    except CredentialError as error:
        kept = error.with_traceback(None)
    assert_absent(repr([one for one in gc.get_referents(kept) if not isinstance(one, type)]).encode())

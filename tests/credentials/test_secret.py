"""SecretBytes: shown nowhere, revealed in one place."""

import copy
import dataclasses
import json
import logging
import pickle
from typing import Any

import pytest

from credentials.secret import SecretBytes

SECRET = SecretBytes(b"canary-7f3a")


@pytest.mark.parametrize(
    "show", [repr, str, "{}".format, "%s".__mod__, "%r".__mod__, lambda one: f"{one:>20}"]
)
def test_a_secret_shows_as_stars(show: Any) -> None:
    assert "canary" not in show(SECRET)
    assert "***" in show(SECRET)


def test_a_secret_inside_of_something_shows_as_stars() -> None:
    @dataclasses.dataclass
    class Holder:
        secret: SecretBytes

    assert "canary" not in f"{[SECRET]} { ({'a': SECRET}) } {Holder(SECRET)} {ValueError(SECRET)!r}"


def test_reveal_gives_it_back() -> None:
    assert SECRET.reveal() == b"canary-7f3a"


@pytest.mark.parametrize(
    "leave", [pickle.dumps, copy.copy, copy.deepcopy, json.dumps, bytes, hash, vars, len]
)
def test_a_secret_leaves_by_no_other_way(leave: Any) -> None:
    with pytest.raises(TypeError) as refused:
        leave(SECRET)
    assert "canary" not in str(refused.value)


def test_secrets_compare_by_what_is_in_them() -> None:
    assert SecretBytes(b"a") == SecretBytes(b"a")
    assert SecretBytes(b"a") != SecretBytes(b"b")
    assert SecretBytes(b"a") != SecretBytes(b"ab")
    assert SecretBytes(b"a") != b"a"


def test_a_logged_secret_is_stars(caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger("tic").warning("opened %s", SECRET)
    assert caplog.messages == ["opened ***"]

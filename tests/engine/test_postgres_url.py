"""TIC_DATABASE_URL: what is taken, what is refused, and that no part of a password is ever repeated."""

import sys

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engine.home import Home
from engine.postgres_url import DriverMissing, UrlRefused, address

CANARY = "canary-of-the-url"


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("postgresql://tic:secret@db.example.com:5433/tic", "postgresql://tic@db.example.com:5433/tic"),
        ("postgres://tic@db.example.com/team", "postgresql://tic@db.example.com/team"),
        ("postgresql:///tic?host=/run/postgresql", "postgresql:///tic?host=/run/postgresql"),
        ("postgresql://tic:%40%2F@h/tic?sslmode=verify-full", "postgresql://tic@h/tic"),
        ("postgresql://tic:s@one:1,two:2/tic", "postgresql://tic@one,two:1,2/tic"),
        ("postgresql://tic@[::1]:5433/tic", "postgresql://tic@[::1]:5433/tic"),
        ("postgresql://tic@h", "postgresql://tic@h/tic"),
        ("postgresql://tic@h/tic?password=secret", "postgresql://tic@h/tic"),
    ],
)
def test_a_database_is_named_without_its_password(url: str, name: str) -> None:
    assert address(url).name == name
    assert "secret" not in repr(address(url))


@pytest.mark.parametrize(
    "url",
    [
        f"mysql://tic:{CANARY}@h/tic",
        f"postgresql+psycopg://tic:{CANARY}@h/tic",
        f"sqlite:///{CANARY}.db",
        f"postgresql://tic:{CANARY}/x@h/tic",
        f"postgresql://tic:x@{CANARY}@h/tic",
        f"postgresql://tic:12/{CANARY}@h/tic",
        f"postgresql://tic:%zz{CANARY}@h/tic",
        f"postgresql://tic:x@h/tic?{CANARY}=1",
        f"postgresql://tic:{CANARY}",
        f"postgresql://tic:x@h:{CANARY}/tic",
        f"postgresql://tic:{CANARY}\n@h/tic",
        CANARY,
    ],
)
def test_what_is_no_such_address_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(UrlRefused) as refused:
        address(url)
    assert refused.value.exit_code == 2
    assert CANARY not in f"{refused.value}{refused.value.hint}{refused.value.__cause__}"
    assert "%40" in refused.value.hint


@given(st.text(st.characters(min_codepoint=33, max_codepoint=0x2FF), max_size=12))
@example("p@ss")
@example("pa/ss@")
@example("12/ss")
def test_whatever_a_password_is_no_name_shows_it(password: str) -> None:
    try:
        shown = address(f"postgresql://tic:{CANARY}{password}@h.example/tic").name
    except UrlRefused as refused:
        shown = f"{refused}{refused.hint}"
    assert CANARY not in shown


def test_without_the_driver_the_command_that_gets_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(DriverMissing) as refused:
        address(f"postgresql://tic:{CANARY}@h/tic")
    assert refused.value.exit_code == 6
    assert refused.value.hint == f"install it: {sys.executable} -m pip install 'psycopg[binary]>=3.2,<4'"


def test_a_home_takes_the_address_from_the_environment_and_does_not_show_it() -> None:
    home = Home.find(
        {"TIC_HOME": "/h", "TIC_CACHE": "/c", "TIC_DATABASE_URL": f"postgresql://u:{CANARY}@h/d"}
    )
    assert home.database_url == f"postgresql://u:{CANARY}@h/d"
    assert CANARY not in repr(home)
    assert Home.find({"TIC_HOME": "/h", "TIC_CACHE": "/c", "TIC_DATABASE_URL": ""}).database_url is None

"""Which stack a command means."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection

from engine.database import Database
from engine.home import Home
from engine.selection import StackAmbiguous, StackUnknown, choose
from engine.state import stacks


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    """`shop/dev`, `shop/prod` and `blog/dev`; the folders `shop` and `empty` are projects."""
    database = Database.open(Home(tmp_path / "home", tmp_path / "cache"), create=True)
    for name in ("shop", "empty"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "Pulumi.yaml").write_text(f"name: {name}\nruntime: yaml\n")
    with database.write() as opened:
        for project, name in (("shop", "dev"), ("shop", "prod"), ("blog", "dev"), ("blog", "only")):
            stacks.create(opened, project, name)
        yield opened
    database.close()


def test_a_bare_name_in_a_projects_folder_is_its_own_stack(connection: Connection, tmp_path: Path) -> None:
    assert choose(connection, "dev", tmp_path / "shop").full_name == "shop/dev"


def test_elsewhere_a_name_that_two_projects_have_must_be_full(connection: Connection, tmp_path: Path) -> None:
    with pytest.raises(StackAmbiguous, match="blog/dev, shop/dev") as refused:
        choose(connection, "dev", tmp_path)
    assert refused.value.exit_code == 2
    assert choose(connection, "blog/dev", tmp_path / "shop").full_name == "blog/dev"


def test_a_name_that_one_project_alone_has_needs_no_more(connection: Connection, tmp_path: Path) -> None:
    assert choose(connection, "only", tmp_path / "shop").full_name == "blog/only"


@pytest.mark.parametrize("reference", ["only", None])
def test_what_destroys_takes_another_projects_stack_by_its_full_name_only(
    connection: Connection, tmp_path: Path, reference: str | None
) -> None:
    with pytest.raises(StackAmbiguous, match="project empty") as refused:
        choose(connection, reference, tmp_path / "empty", destructive=True)
    assert "in full" in refused.value.hint
    assert choose(connection, "blog/only", tmp_path / "empty", destructive=True).name == "only"


def test_an_unknown_stack_names_those_that_are_there(connection: Connection, tmp_path: Path) -> None:
    with pytest.raises(StackUnknown, match="shop/prod") as refused:
        choose(connection, "nope", tmp_path)
    assert refused.value.exit_code == 4

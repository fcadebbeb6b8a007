"""A Pulumi project on disk: found from below, read with one clear error each time it can't be."""

import sys
from pathlib import Path

import pytest

from engine.project import ProjectUnusable, find, of_stack, read


def project(folder: Path, text: str) -> Path:
    (folder / "Pulumi.yaml").write_text(text)
    return folder


def test_the_nearest_project_above_is_found(tmp_path: Path) -> None:
    project(tmp_path, "name: outer\nruntime: yaml\n")
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    found = find(below)
    assert found is not None
    assert (found.name, found.folder, found.inline) == ("outer", tmp_path, False)


def test_a_python_program_runs_by_tics_interpreter_or_the_projects_own(tmp_path: Path) -> None:
    assert read(project(tmp_path, "name: p\nruntime: python\n")).interpreter == Path(sys.executable)
    own = "name: p\nruntime: {name: python, options: {virtualenv: venv}}\n"
    with pytest.raises(ProjectUnusable, match="does not exist") as refused:
        read(project(tmp_path, own))
    assert "pip install pulumi" in refused.value.hint
    python = tmp_path / "venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.touch()
    assert read(tmp_path).interpreter == python


def test_main_is_below_the_project(tmp_path: Path) -> None:
    assert read(project(tmp_path, "name: p\nruntime: python\nmain: src/\n")).main == tmp_path / "src"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "name: only",
        "runtime: python",
        "- a list",
        "name: [1]\nruntime: yaml",
        "{",
        "name: p\nruntime: yaml\nmain: {",
        "\0",
    ],
)
def test_nonsense_is_one_error_that_names_the_file(tmp_path: Path, text: str) -> None:
    with pytest.raises(ProjectUnusable, match=r"Pulumi\.yaml"):
        read(project(tmp_path, text))


def test_no_project_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(ProjectUnusable) as refused:
        read(tmp_path)
    assert "tic stack new" in refused.value.hint


def test_a_stack_runs_the_program_of_the_checkout_that_one_stands_in(tmp_path: Path) -> None:
    one, two, other = (tmp_path / name for name in ("one", "two", "other"))
    for folder, name in ((one, "shop"), (two, "shop"), (other, "blog")):
        folder.mkdir()
        project(folder, f"name: {name}\nruntime: yaml\n")
    assert of_stack("shop", str(one), two).folder == two
    assert of_stack("shop", str(one), other).folder == one
    assert of_stack("shop", str(one), tmp_path).folder == one


@pytest.mark.parametrize(("folder", "said"), [("", "no folder"), ("/nowhere/at/all", "is gone")])
def test_a_project_that_is_not_to_be_found_is_named(tmp_path: Path, folder: str, said: str) -> None:
    with pytest.raises(ProjectUnusable, match=said):
        of_stack("shop", folder, tmp_path)


def test_a_project_that_changed_its_name_is_not_run(tmp_path: Path) -> None:
    project(tmp_path, "name: blog\nruntime: yaml\n")
    with pytest.raises(ProjectUnusable, match="now called blog"):
        of_stack("shop", str(tmp_path), Path("/"))

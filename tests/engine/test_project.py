"""A Pulumi project on disk: found from below, read with one clear error each time it can't be."""

import sys
from pathlib import Path

import pytest

from engine.project import ProjectUnusable, find, read


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

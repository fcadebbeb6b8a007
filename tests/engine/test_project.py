"""A Pulumi project on disk: found from below, read with one clear error each time it can't be."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.project import ProjectUnusable, check_program, find, of_stack, read, read_data, read_document


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
    assert read(project(tmp_path, own)).interpreter == tmp_path / "venv" / "bin" / "python"


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
        "name: p\nruntime: null",
        "name: p\nruntime: ''",
        "name: p\nruntime: [python]",
        "name: p\nruntime: {name: python, options: [1]}",
        "name: p\nruntime: {options: {}}",
        "name: p\nruntime: yaml\nmain: [1]",
        "name: p\nruntime: yaml\nstackConfigDir: [1]",
        "[" * 5000,
        "a: " * 5000,
        "name: 2024-99-99\nruntime: yaml",
        "name: !!bool maybe\nruntime: yaml",
        "name: !!python/name:os.system\nruntime: yaml",
        "&a {x: *a}",
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
    with pytest.raises(ProjectUnusable, match=said) as refused:
        of_stack("shop", folder, tmp_path)
    assert "cd FOLDER && tic stack preview" in refused.value.hint


def test_a_project_that_changed_its_name_is_not_run(tmp_path: Path) -> None:
    project(tmp_path, "name: blog\nruntime: yaml\n")
    with pytest.raises(ProjectUnusable, match="now called blog") as refused:
        of_stack("shop", str(tmp_path), Path("/"))
    assert (
        "tic stack export-state shop/STACK | tic stack import-state blog/STACK - --rename"
        in refused.value.hint
    )


@pytest.mark.parametrize("name", ["../../d", "''", '"e\\e[31mred"', "ünï", "a b", ".", "..", "x" * 101])
def test_a_project_is_named_by_pulumis_rule(tmp_path: Path, name: str) -> None:
    with pytest.raises(ProjectUnusable, match=r"the name .* may hold letters") as refused:
        read(project(tmp_path, f"name: {name}\nruntime: yaml\n"))
    assert "\x1b" not in str(refused.value)


@pytest.mark.parametrize("name", ["a", "A-b_c.9", "x" * 100])
def test_pulumis_own_names_are_good(tmp_path: Path, name: str) -> None:
    assert read(project(tmp_path, f"name: {name}\nruntime: nodejs\n")).name == name


@pytest.mark.parametrize("merged", ["[*{0}, *{0}]", "{{<<: [*{0}, *{0}]}}"])
def test_a_file_whose_aliases_grow_without_bound_is_refused(tmp_path: Path, merged: str) -> None:
    lines = ["a0: &a0 {k: value}"]
    lines += [f"a{n}: &a{n} {merged.format(f'a{n - 1}')}" for n in range(1, 60)]
    (tmp_path / "Pulumi.yaml").write_text("\n".join(lines))
    with pytest.raises(ProjectUnusable, match="aliases"):
        read(tmp_path)


def test_an_alias_or_two_are_fine(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text("a: &a {k: v}\nb: *a\nc: {<<: *a, d: 1}\n")
    assert read_document(tmp_path / "x.yaml").data == {
        "a": {"k": "v"},
        "b": {"k": "v"},
        "c": {"k": "v", "d": 1},
    }


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\xff\xfe", "not UTF-8"),
        (b"a: b\n" * 300_000, "larger than"),
        (b"pw: 'canary\nx: 1", "not YAML"),
        (b"- canary", "not a mapping"),
        (b"[" * 5000, "nested"),
        (b"a: " + b"[" * 5000 + b"]" * 5000, "nested"),
        (b"? " * 5000, "nested"),
    ],
)
@pytest.mark.parametrize("reader", [read_document, read_data])
def test_a_file_that_cant_be_read_says_why_and_repeats_nothing(
    tmp_path: Path, reader: Callable[[Path], object], content: bytes, said: str
) -> None:
    (tmp_path / "x.yaml").write_bytes(content)
    with pytest.raises(ProjectUnusable, match=said) as refused:
        reader(tmp_path / "x.yaml")
    assert str(tmp_path / "x.yaml") in str(refused.value)
    assert "canary" not in str(refused.value)
    assert refused.value.exit_code == 2


TEXT = st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp")), max_size=8)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50, deadline=None)
@given(st.dictionaries(TEXT, VALUES, max_size=4), st.booleans(), st.booleans())
def test_the_quick_reader_reads_what_the_other_one_does(
    tmp_path: Path, data: dict[str, object], flow: bool, escaped: bool
) -> None:
    written = yaml.safe_dump(data, default_flow_style=flow, allow_unicode=not escaped)
    (tmp_path / "x.yaml").write_text(written, encoding="utf-8")
    assert read_data(tmp_path / "x.yaml") == read_document(tmp_path / "x.yaml").data == data


def test_stack_files_lie_where_pulumi_looks(tmp_path: Path) -> None:
    assert read(project(tmp_path, "name: p\nruntime: yaml\n")).stack_file("d") == tmp_path / "Pulumi.d.yaml"
    for line in ("stackConfigDir: conf", "config: conf"):
        found = read(project(tmp_path, f"name: p\nruntime: yaml\n{line}\n"))
        assert found.stack_file("d") == tmp_path / "conf" / "Pulumi.d.yaml"


def test_a_program_that_does_not_exist_is_named(tmp_path: Path) -> None:
    found = read(project(tmp_path, "name: p\nruntime: python\nmain: src/\n"))
    with pytest.raises(ProjectUnusable, match="src"):
        check_program(found)
    found.main.mkdir()
    check_program(found)

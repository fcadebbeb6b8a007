import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.toolchain.version import Version


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("3.259.0", (3, 259, 0)),
        ("v3.259.0\n", (3, 259, 0)),
        ("v3.260.0-alpha.x1b2", (3, 260, 0)),
        ("go1.26.8", (1, 26, 8)),
        ("go1.27", (1, 27, 0)),
        ("go1.27rc1", (1, 27, 0)),
    ],
)
def test_versions_are_read_as_programs_write_them(text: str, expected: tuple[int, int, int]) -> None:
    assert Version.parse(text) == expected


@pytest.mark.parametrize("text", ["", "latest", "3", "devel +abc", "1.2.3.4"])
def test_what_is_no_version_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a version"):
        Version.parse(text)


@given(st.text())
def test_any_text_is_a_version_or_refused(text: str) -> None:
    try:
        version = Version.parse(text)
    except ValueError:
        return
    assert Version.parse(str(version)) == version

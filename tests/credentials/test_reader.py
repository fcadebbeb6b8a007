"""Kind files: a file that breaks the schema is refused with the key at fault, and nothing else happens."""

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credentials.kinds.kind import Kind
from credentials.kinds.reader import BadKindFile, parse, parse_former

GOOD = """
label = "A"
where-to-get = "https://a.example"
purpose = ["dns"]
dns = "a"
[[fields]]
name = "key"
label = "Key"
secret = true
required = true
lego = ["A_KEY"]
[[fields]]
name = "zone"
label = "Zone"
where-to-get = "elsewhere"
[[files]]
name = "zone.json"
builds = "zone"
needs = ["zone"]
env = ["A_ZONE"]
[[constants]]
when = ["zone"]
lego = { A_MODE = "zone" }
"""
FORMER = """
label = "B"
because = "It is gone."
succeeded-by = "a"
"""


def test_a_kind_file_becomes_a_kind() -> None:
    kind = parse("a", GOOD)
    assert (kind.name, kind.label, kind.dns, kind.publishes_records, kind.sequential) == (
        "a",
        "A",
        "a",
        True,
        False,
    )
    assert [one.where_to_get for one in kind.fields] == ["https://a.example", "elsewhere"]


@pytest.mark.parametrize(
    ("before", "after", "fault"),
    [
        ('label = "A"', "", "label is missing"),
        ('label = "A"', "label = 1", "label is not a str"),
        ('dns = "a"', 'dns = "A b"', "dns holds 'A b'"),
        ('dns = "a"', "", "no DNS provider"),
        ('dns = "a"', 'dns = "a"\ncolour = "red"', "colour is unknown"),
        ('dns = "a"', 'dns = "a"\none-of = [["key"], ["other"]]', "other is no field"),
        ("secret = true", 'secret = "yes"', "field 1: secret is not a bool"),
        ("secret = true", "secrets = true", "field 1: secrets is unknown"),
        ("secret = true", 'pattern = "a"', "pattern and expects come together"),
        ("secret = true", 'needs = ["other"]', "other is no field"),
        ("secret = true", "url = 1", "field 1: url is not a bool"),
        ("secret = true", 'url = true\ndefault = "nowhere"', "the default of key must be a URL"),
        ('["A_KEY"]', '["a_key"]', "lego holds 'a_key'"),
        ('["A_KEY"]', '["A_KEY;X"]', "lego holds 'A_KEY;X'"),
        ('"Zone"', '"Zone"\nlego = ["A_KEY"]', "share a variable"),
        ('name = "zone"', 'name = "key"', "stands there twice"),
        ('label = "A"', 'label = ""', "label holds ''"),
        ('label = "A"', 'label = "A\\u001b"', "label holds"),
        ('label = "A"', "label = [", "is not TOML"),
        ("where", "where = ", "is not TOML"),
        ('purpose = ["dns"]', "", "purpose is missing"),
        ('purpose = ["dns"]', "purpose = []", "purpose is empty"),
        ('purpose = ["dns"]', 'purpose = ["fun"]', "purpose holds 'fun'"),
        ('purpose = ["dns"]', 'purpose = ["im"]', "come together"),
        ('dns = "a"', 'dns = "a"\none-of = ["key"]', "one-of is not a list"),
        ('dns = "a"', 'dns = "a"\none-of = [["key"], ["key", "zone"]]', "two groups"),
        ("secret = true", 'pattern = "("\nexpects = "a"', "pattern holds"),
        ("secret = true", 'pattern = "[[a]"\nexpects = "a"', "pattern holds"),
        ("secret = true", 'choices = ["x"]\ndefault = "y"', "the default of key must be x"),
        ("secret = true", 'secret = true\ndefault = "y"', "a secret with a default"),
        ("secret = true", 'file-name = "x"', "file-name comes together"),
        ("secret = true", 'file-name = "../x"\nfile-env = ["X"]', "file-name holds"),
        ("secret = true", 'file-name = "x"\nfile-lego = ["A_KEY"]', "both a value and a path"),
        ("secret = true", 'env = ["Mixed_Case"]', "env holds"),
        ('needs = ["zone"]', 'needs = ["nowhere"]', "nowhere is no field"),
        ('builds = "zone"', "", "file 1: builds is missing"),
        ("[[files]]", "[files]", "files is not a list"),
        ('when = ["zone"]', 'when = ["nowhere"]', "nowhere is no field"),
        ('A_MODE = "zone"', "A_MODE = 1", "lego is not a str"),
        ('A_MODE = "zone"', 'a_mode = "zone"', "lego holds 'a_mode'"),
    ],
)
def test_a_file_that_breaks_the_schema_is_refused(before: str, after: str, fault: str) -> None:
    with pytest.raises(BadKindFile, match=fault):
        parse("a", GOOD.replace(before, after, 1))


@pytest.mark.parametrize(
    ("before", "after", "fault"),
    [
        ('because = "It is gone."', "", "because is missing"),
        ('succeeded-by = "a"', "same = true", "succeeded-by is missing"),
        ('succeeded-by = "a"', 'succeeded-by = "A"', "succeeded-by holds 'A'"),
        ('label = "B"', 'label = "B"\nfields = []', "fields is unknown"),
    ],
)
def test_a_file_about_another_name_is_checked_too(before: str, after: str, fault: str) -> None:
    assert parse_former("b", FORMER).succeeded_by == "a"
    with pytest.raises(BadKindFile, match=fault):
        parse_former("b", FORMER.replace(before, after, 1))


def test_a_file_that_is_nested_without_end_is_refused() -> None:
    with pytest.raises(BadKindFile, match="is not TOML"):
        parse("a", f"a = {'[' * 5000}")


@given(st.text(max_size=300))
def test_any_text_is_a_kind_or_refused(text: str) -> None:
    with contextlib.suppress(BadKindFile):
        assert isinstance(parse("a", text), Kind)


VALUES = st.recursive(
    st.booleans()
    | st.integers(-1, 9)
    | st.sampled_from(["a", "A_KEY", "key", "zone", "dns", "", "(", "\x1b", "../x", "1.5", "é"])
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "A_B"]), inner),
    max_leaves=4,
)
KEYS = (
    *("label", "where-to-get", "purpose", "dns", "sequential", "one-of", "name", "secret", "required"),
    *("multiline", "tuning", "path", "server", "url", "seconds", "needs", "choices", "pattern", "expects"),
    *("default", "env", "lego", "aliases", "file-name", "file-env", "file-lego", "builds", "folder", "when"),
)


@given(st.data())
def test_any_change_of_a_good_file_is_a_kind_or_refused(data: st.DataObject) -> None:
    lines = GOOD.splitlines()
    for _ in range(data.draw(st.integers(1, 3))):
        line = f"{data.draw(st.sampled_from(KEYS))} = {toml(data.draw(VALUES))}"
        place = data.draw(st.integers(0, len(lines) - 1))
        lines[place : place + data.draw(st.integers(0, 1))] = [line]
    with contextlib.suppress(BadKindFile):
        kind = parse("a", "\n".join(lines))
        assert all(one.name and one.label for one in kind.fields)
        assert kind.missing(()) or kind.undecided(()) or kind.checked({}) == {}


def toml(value: Any) -> str:
    """A value as TOML writes it."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {toml(one)}" for key, one in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    return json.dumps(value)

"""Kind files: a file that breaks the schema is refused with the key at fault."""

import pytest

from credentials.kinds.reader import BadKindFile, parse

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
        ('["A_KEY"]', '["a_key"]', "lego holds 'a_key'"),
        ('["A_KEY"]', '["A_KEY;X"]', "lego holds 'A_KEY;X'"),
        ('"Zone"', '"Zone"\nlego = ["A_KEY"]', "share a variable"),
        ('name = "zone"', 'name = "key"', "stands there twice"),
    ],
)
def test_a_file_that_breaks_the_schema_is_refused(before: str, after: str, fault: str) -> None:
    with pytest.raises(BadKindFile, match=fault):
        parse("a", GOOD.replace(before, after, 1))

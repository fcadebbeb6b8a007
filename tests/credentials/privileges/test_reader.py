"""A privileges file that breaks the schema says which key is at fault."""

import pytest

from credentials.privileges import Missing
from credentials.privileges.reader import BadPrivilegesFile, parse

GOOD = """
label = "A Cloud"
paste = "its console"
[purposes.apply]
title = "Applying"
privileges = ["a:Read", "a:Write"]
words = ["read", "write"]
[purposes.apply.policy]
Action = ["a:Read", "a:Write"]
[purposes.apply.calls]
publish = ["a:Read", "a:Write"]
withdraw = ["a:Write"]
[[purposes.apply.refused]]
says = "may not (?P<action>a:[A-Z][a-z]+)"
[[purposes.apply.refused]]
says = "there is nothing"
means = ["a:Read"]
unseen = true
[[purposes.apply.refused]]
says = "may not"
"""


def test_a_good_file_is_read() -> None:
    known = parse("acloud", GOOD)
    assert (known.label, list(known.purposes)) == ("A Cloud", ["apply"])
    assert known.purposes["apply"].document() == '{\n  "Action": [\n    "a:Read",\n    "a:Write"\n  ]\n}'


@pytest.mark.parametrize(
    ("said", "missing"),
    [
        ("you may not a:Write here", Missing(("a:Write",))),
        ("there is nothing", Missing(("a:Read",), surely=False)),
        ("you may not", Missing(("a:Write",))),
        ("you sent nonsense", None),
    ],
)
def test_a_refusal_is_read_by_the_first_that_fits(said: str, missing: Missing | None) -> None:  # D6
    assert parse("acloud", GOOD).purposes["apply"].missing(said, "withdraw") == missing


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ('label = "A Cloud"', "", "acloud: label is missing"),
        ('label = "A Cloud"', "label = 1", "acloud: label is not a str"),
        ('label = "A Cloud"', 'label = "A Cloud"\nmore = 1', "acloud: more is unknown"),
        ("purposes.apply", "purposes.nothing", "acloud: nothing is no purpose"),
        ('title = "Applying"', "", "acloud: apply: title is missing"),
        ('title = "Applying"', 'title = "Applying"\nother = "x"', "acloud: apply: other is unknown"),
        (
            'words = ["read", "write"]',
            'words = ["read"]',
            "acloud: apply: words and privileges differ in number",
        ),
        (
            'title = "Applying"',
            'title = "Applying"\nform = "xml"',
            "acloud: apply: form is not one of json, yaml",
        ),
        ("withdraw =", "delete =", "acloud: apply: calls: delete is unknown"),
        ("unseen = true", 'unseen = "yes"', "acloud: apply: refused: unseen is not a bool"),
    ],
)
def test_a_bad_file_is_refused(old: str, new: str, fault: str) -> None:
    with pytest.raises(BadPrivilegesFile, match=f"^{fault}$"):
        parse("acloud", GOOD.replace(old, new))

"""A privileges file that breaks the schema says which key is at fault."""

import pytest

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
"""


def test_a_good_file_is_read() -> None:
    known = parse("acloud", GOOD)
    assert (known.label, list(known.purposes)) == ("A Cloud", ["apply"])
    assert known.purposes["apply"].document() == '{\n  "Action": [\n    "a:Read",\n    "a:Write"\n  ]\n}'


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
    ],
)
def test_a_bad_file_is_refused(old: str, new: str, fault: str) -> None:
    with pytest.raises(BadPrivilegesFile, match=f"^{fault}$"):
        parse("acloud", GOOD.replace(old, new))

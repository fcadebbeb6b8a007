"""settings.xml: built so that Maven reads the same values, or given, and then harmless XML."""

import xml.etree.ElementTree as ET
from contextlib import suppress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from credentials.files import UnfitFile, build, check
from credentials.secret import SecretBytes

NAMESPACE = "{http://maven.apache.org/SETTINGS/1.2.0}"
WORD = st.text(st.characters(exclude_categories=("Cc", "Cs")), min_size=1, max_size=20)


def made(**fields: str) -> SecretBytes:
    named = {name.replace("_", "-"): SecretBytes(value.encode()) for name, value in fields.items()}
    return build("maven-settings", named)


def checked(text: str) -> None:
    check("settings.xml", SecretBytes(text.encode()))


@given(username=WORD, password=WORD)
@example(username="a<b", password="p&q\"'<]]>")
def test_what_was_given_is_read_out_again_or_refused(username: str, password: str) -> None:
    """B6."""
    try:
        content = made(server_id="nexus", username=username, password=password)
    except UnfitFile:
        return
    check("settings.xml", content)
    root = ET.fromstring(content.reveal())  # noqa: S314 - this program's own
    texts = {element.tag.removeprefix(NAMESPACE): element.text for element in root.iter()}
    assert (texts["id"], texts["username"], texts["password"]) == ("nexus", username, password)
    assert "mirror" not in texts


def test_a_url_makes_the_server_the_mirror_of_every_repository() -> None:
    content = made(server_id="nexus", username="me", password="s", url="https://nexus.example.com/?a=1&b=2")
    root = ET.fromstring(content.reveal())  # noqa: S314 - this program's own
    assert [(one.tag.removeprefix(NAMESPACE), one.text) for one in root[1][0]] == [
        ("id", "nexus"),
        ("mirrorOf", "*"),
        ("url", "https://nexus.example.com/?a=1&b=2"),
    ]


@pytest.mark.parametrize("password", ["a${env.HOME}", " leading", "trailing\u00a0", "no\uffffxml"])
def test_what_maven_would_read_as_something_else_is_refused_and_not_shown(password: str) -> None:
    with pytest.raises(UnfitFile) as refused:
        made(server_id="nexus", username="me", password=password)
    assert password not in str(refused.value) + refused.value.hint


def test_given_settings_are_taken_with_and_without_the_namespace() -> None:
    checked("<settings/>")
    checked(
        '<?xml version="1.0" encoding="utf-8"?>\n<settings xmlns="http://maven.apache.org/SETTINGS/1.0.0"/>'
    )


BOMB = (
    '<!DOCTYPE settings [<!ENTITY a "canary"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    "<settings><x>&b;</x></settings>"
)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "not XML"),
        ("canary", "not XML"),
        ("<settings>canary", "not XML"),
        ("<settings>&canary;</settings>", "not XML"),
        ("<project/>", "<settings>"),
        (BOMB, "document type"),
        ('<!DOCTYPE settings SYSTEM "file:///etc/passwd"><settings/>', "document type"),
        ("<settings>" + "<a>" * 200 + "</a>" * 200 + "</settings>", "nested"),
        ('<?xml version="1.0" encoding="ISO-8859-1"?><settings/>', "encoding"),
    ],
)
def test_what_is_no_harmless_settings_file_is_refused_and_not_shown(text: str, fault: str) -> None:
    """B6."""
    with pytest.raises(UnfitFile, match=fault) as refused:
        checked(text)
    assert "canary" not in str(refused.value)


@given(st.binary(max_size=200))
def test_any_bytes_are_settings_or_one_clear_error(content: bytes) -> None:
    with suppress(UnfitFile):
        check("settings.xml", SecretBytes(content))

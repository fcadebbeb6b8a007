"""Secrets don't come out in what others wrote."""

import base64
import json
import urllib.parse

from hypothesis import given
from hypothesis import strategies as st

from stacks.dns.redaction import HIDDEN, Redaction

secrets = st.text(alphabet=st.characters(codec="utf-8"), min_size=8, max_size=40)


@given(secrets, st.text(), st.text())
def test_no_secret_is_left_in_a_text(secret: str, before: str, after: str) -> None:
    assert secret not in Redaction([secret]).text(f"{before}{secret}{after}") or secret in HIDDEN


@given(secrets)
def test_no_secret_is_left_in_json_or_a_url(secret: str) -> None:
    redaction = Redaction([secret])
    for form in (json.dumps({"key": secret}), urllib.parse.quote(secret, safe="")):
        shown = redaction.text(f"error: {form}!")
        assert HIDDEN in shown
        assert form not in shown


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=12), secrets)
def test_no_password_is_left_in_basic_authentication(user: str, password: str) -> None:
    header = base64.b64encode(f"{user}:{password}".encode()).decode()
    shown = Redaction([password]).text(f"Authorization: Basic {header}")
    assert HIDDEN in shown
    assert header not in shown


def test_each_line_of_a_key_is_hidden() -> None:
    key = "-----BEGIN KEY-----\nAAAABBBBCCCCDDDDEEEE\nFFFFGGGGHHHHIIIIJJJJ\n-----END KEY-----"
    assert Redaction([key]).text("bad key: FFFFGGGGHHHHIIIIJJJJ") == f"bad key: {HIDDEN}"


def test_ordinary_text_stays_as_it_is() -> None:
    assert Redaction(["", "a", "ab"]).text("a banana, absolutely") == "a banana, absolutely"


def test_the_secrets_are_not_in_its_repr() -> None:
    assert "hunter2" not in repr(Redaction(["hunter2"]))

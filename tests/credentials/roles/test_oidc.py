"""A token of an OIDC issuer is read for what it says, and refused when it can be of no use."""

import json
import os
import time
from base64 import urlsafe_b64encode
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credentials.roles import Reason, SourceFailed, oidc
from tests.emulators.oidc import BadToken, Issuer, verified

NOW = 1_800_000_000.0


def of(claims: object, head: object = None) -> bytes:
    """A token with these claims and a signature of nobody's."""
    parts = (head or {"alg": "RS256"}, claims)
    return b".".join(urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in parts) + b".c2ln"


def test_its_claims_are_what_a_trust_policy_needs(tmp_path: Path) -> None:
    issuer = Issuer()
    token = issuer.token("system:serviceaccount:ci:tic", ["sts.amazonaws.com", "other"], now=NOW)
    read = oidc.read(issuer.written(tmp_path / "token", token), now=NOW)
    assert (read.issuer, read.subject) == (issuer.url, "system:serviceaccount:ci:tic")
    assert (read.audiences, read.expires_at) == (("sts.amazonaws.com", "other"), NOW + 3600)
    assert read.secret.reveal().decode() == token
    assert token not in repr(read)


def test_it_is_read_anew_where_its_issuer_changes_a_link(tmp_path: Path) -> None:
    issuer, link = Issuer(), tmp_path / "token"
    for number in (1, 2):
        link.unlink(missing_ok=True)
        link.symlink_to(issuer.written(tmp_path / str(number), issuer.token(f"subject {number}", "a")))
        assert oidc.read(link, now=time.time()).subject == f"subject {number}"


def test_one_that_has_ended_is_not_used(tmp_path: Path) -> None:
    path = Issuer().written(tmp_path / "token", Issuer().token("s", "a", now=NOW))
    with pytest.raises(SourceFailed, match="ended 10 min ago") as caught:
        oidc.read(path, now=NOW + 3600 + 600)
    assert caught.value.reason is Reason.SOURCE_REJECTED


def test_a_missing_file_is_a_missing_source(tmp_path: Path) -> None:
    with pytest.raises(SourceFailed, match="no such file") as caught:
        oidc.read(tmp_path / "token", now=NOW)
    assert caught.value.reason is Reason.SOURCE_MISSING
    with pytest.raises(SourceFailed, match="can't be read"):
        oidc.read("a\0b", now=NOW)


def test_one_that_others_can_read_or_write_is_not_used(tmp_path: Path) -> None:
    path = Issuer().written(tmp_path / "token", Issuer().token("s", "a", now=NOW))
    for mode in (0o644, 0o640, 0o620, 0o602):
        path.chmod(mode)
        with pytest.raises(SourceFailed, match=f"open to other users .mode 0{mode:o}") as caught:
            oidc.read(path, now=NOW)
        assert caught.value.hint == f"chmod 600 {path}"


def test_what_is_no_file_is_no_token(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    for path in (tmp_path, tmp_path / "pipe"):
        with pytest.raises(SourceFailed, match="is no file"):
            oidc.read(path, now=NOW)


def test_more_than_a_token_is_not_read(tmp_path: Path) -> None:
    path = Issuer().written(tmp_path / "token", "a" * (oidc.LONGEST_TOKEN + 1))
    with pytest.raises(SourceFailed, match="larger than any token"):
        oidc.read(path, now=NOW)


@pytest.mark.parametrize(
    "claims",
    [
        [],
        {"iss": "i", "sub": "s", "aud": "a"},
        {"iss": "i", "sub": "s", "aud": "a", "exp": True},
        {"iss": "i", "sub": "s", "aud": "a", "exp": 10**400},
        {"iss": "i", "sub": "s", "aud": "a", "exp": float("nan")},
        {"iss": "i", "sub": "s", "aud": [], "exp": NOW + 1},
        {"iss": "i", "sub": "", "aud": "a", "exp": NOW + 1},
        {"iss": "i\n", "sub": "s", "aud": "a", "exp": NOW + 1},
        {"iss": "i", "sub": "s", "aud": ["a", 1], "exp": NOW + 1},
    ],
)
def test_claims_that_say_too_little_are_refused(claims: Any) -> None:
    with pytest.raises(SourceFailed) as caught:
        oidc.parsed(of(claims), now=NOW, where="the file token")
    assert caught.value.reason is Reason.SOURCE_REJECTED


@given(st.binary() | st.from_regex(rb"[A-Za-z0-9_-]{0,40}\.[A-Za-z0-9_-]{0,40}\.[A-Za-z0-9_-]{0,9}"))
def test_whatever_is_in_the_file_is_a_token_or_refused_without_being_repeated(content: bytes) -> None:
    with pytest.raises(SourceFailed) as caught:
        oidc.parsed(content, now=NOW, where="it")
    assert len(content) < 12 or content.decode(errors="replace") not in str(caught.value)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(), lambda one: st.lists(one, max_size=3)
)


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(("iss", "sub", "aud", "exp", "nbf"), _JSON)), _JSON)
def test_whatever_its_claims_are_they_are_sound_or_refused(claims: dict[str, Any], algorithm: Any) -> None:
    try:
        read = oidc.parsed(of(claims, {"alg": algorithm}), now=NOW, where="it")
    except SourceFailed:
        return
    assert read.issuer
    assert read.subject
    assert read.audiences
    assert read.expires_at > NOW


def test_the_issuers_own_keys_verify_its_tokens_and_nothing_else() -> None:
    issuer = Issuer()
    web = {issuer.host: issuer}
    token = issuer.token("s", "a")
    assert verified(token, web, time.time())["sub"] == "s"
    head, payload, signature = token.split(".")
    other = issuer.token("t", "a").split(".")[1]
    changed = {
        "signature": f"{head}.{other}.{signature}",
        "form": f"{head}.{payload}",
        "expired": issuer.token("s", "a", seconds=-1),
        "early": issuer.token("s", "a", nbf=time.time() + 3600),
        "issuer": Issuer("elsewhere.example.test").token("s", "a"),
    }
    for fault, wrong in changed.items():
        with pytest.raises(BadToken) as caught:
            verified(wrong, web, time.time())
        assert caught.value.fault == fault
    issuer.rotate()
    with pytest.raises(BadToken):
        verified(token, web, time.time())

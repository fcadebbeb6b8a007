"""A kubeconfig: built from server, token and authority, or given and then whole in itself."""

import base64
import json
from contextlib import suppress
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from credentials.files import UnfitFile, build, check
from credentials.secret import SecretBytes

PEM = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"


def config(**changed: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "here",
        "clusters": [{"name": "c", "cluster": {"server": "https://k8s.example.com"}}],
        "users": [{"name": "u", "user": {"token": "canary"}}],
        "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u"}}],
    } | changed


def checked(text: str) -> None:
    check("kubeconfig", SecretBytes(text.encode()))


def test_it_is_built_with_the_authority_in_it() -> None:
    """B6."""
    given_ = {"server": "https://k8s.example.com:6443", "token": 'a"token', "ca": PEM}
    content = build("kubeconfig", {name: SecretBytes(value.encode()) for name, value in given_.items()})
    check("kubeconfig", content)
    made = json.loads(content.reveal())
    assert made["clusters"][0]["cluster"] == {
        "server": "https://k8s.example.com:6443",
        "certificate-authority-data": base64.b64encode(PEM.encode()).decode(),
    }
    assert made["users"][0]["user"] == {"token": 'a"token'}


def test_one_without_an_authority_trusts_what_the_machine_trusts() -> None:
    content = build("kubeconfig", {name: SecretBytes(b"https://k") for name in ("server", "token")})
    assert json.loads(content.reveal())["clusters"][0]["cluster"] == {"server": "https://k"}


def test_a_given_one_is_taken_in_yaml_and_json_with_whatever_gets_its_token() -> None:
    runs = {"name": "u", "user": {"exec": {"command": "aws", "args": ["eks", "get-token"]}}}
    checked(yaml.safe_dump(config(users=[runs])))
    checked(json.dumps(config()))


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        ({"kind": "Pod"}, "not a kubeconfig"),
        ({"current-context": "canary"}, "current-context"),
        ({"current-context": ""}, "current-context"),
        ({"current-context": ["here"]}, "current-context"),
        ({"contexts": None}, "contexts"),
        ({"contexts": "here"}, "contexts"),
        ({"clusters": []}, "no cluster"),
        ({"clusters": [{"name": "c", "cluster": {}}]}, "no cluster"),
        ({"clusters": [{"name": "c", "cluster": "canary"}]}, "clusters"),
        ({"users": []}, "no user"),
        ({"users": [{"user": {}}]}, "users"),
        ({"users": [{"name": "u", "user": {"client-key": "canary.key"}}]}, "client-key"),
        ({"users": [{"name": "u", "user": {"tokenFile": "canary"}}]}, "tokenFile"),
    ],
)
def test_what_no_program_could_use_is_refused_and_not_shown(changed: dict[str, Any], fault: str) -> None:
    with pytest.raises(UnfitFile, match=fault) as refused:
        checked(yaml.safe_dump(config(**changed)))
    assert "canary" not in str(refused.value) + refused.value.hint


BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: [*b,*b,*b,*b,*b,*b,*b,*b]\n"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "not a kubeconfig"),
        ("canary", "not a kubeconfig"),
        ("- canary", "not a kubeconfig"),
        ("canary: [", r"not YAML \(line 2"),
        ("a: 1\n---\nb: 2\n", "not YAML"),
        (BOMB, "aliases"),
        ("[" * 200 + "]" * 200, "nested"),
        ("{? [a] : b}", "not YAML"),
        ("!!python/object/apply:os.system ['true']", "not a kubeconfig"),
    ],
)
def test_what_is_no_bounded_yaml_is_refused(text: str, fault: str) -> None:
    with pytest.raises(UnfitFile, match=fault) as refused:
        checked(text)
    assert "canary" not in str(refused.value)


@given(st.binary(max_size=200) | st.text("abc:[]{}&*!?-|>'\"#%@ \n\t", max_size=60).map(str.encode))
def test_any_bytes_are_a_kubeconfig_or_one_clear_error(content: bytes) -> None:
    with suppress(UnfitFile):
        check("kubeconfig", SecretBytes(content))

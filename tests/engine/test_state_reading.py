"""What Pulumi writes is read, and what it never wrote is refused in words."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import EngineError
from engine.installation import Installation
from engine.state import untyped
from engine.state.passphrase import Passphrase, Unreadable, WrongPassphrase
from engine.state_import import Imported, import_state
from engine.state_needs import needs
from engine.state_target import ImportRefused, target_of
from tests.engine.moved_states import KEY, PHRASE, installation, state, written


@pytest.fixture
def home(tmp_path: Path) -> Installation:
    return installation(tmp_path)


def take_in(
    home: Installation,
    body: Any,
    name: str = "dev",
    *,
    phrase: Callable[[], str] = lambda: PHRASE,
    project: str | None = None,
    renames: bool = False,
    replaces: bool = False,
) -> Imported:
    read = untyped.read(written(body))
    found = replace(target_of(read, name, project, None), renames=renames, replaces=replaces)
    return import_state(home, read, found, folder=None, phrase=phrase)


def test_a_state_that_the_engine_would_refuse_is_repaired_or_refused(home: Installation) -> None:
    body = state()
    body["deployment"]["resources"].reverse()
    done = take_in(home, body)
    assert "which is not before it" in str(done.repaired)
    body["deployment"]["resources"] = [body["deployment"]["resources"][2]] * 2
    body["deployment"]["resources"][0]["provider"] = None
    with pytest.raises(ImportRefused, match="is there twice"):
        take_in(home, body, replaces=True)


@pytest.mark.parametrize(
    ("reference", "project", "folder", "full"),
    [
        ("dev", None, "here", "shop/dev"),
        ("site/dev", None, None, "site/dev"),
        ("dev", "site", "here", "site/dev"),
    ],
)
def test_the_project_is_named_or_that_of_the_resources(
    reference: str, project: str | None, folder: str | None, full: str
) -> None:
    assert target_of(untyped.read(written(state())), reference, project, folder).full_name == full


def test_without_resources_the_folder_tells_the_project() -> None:
    empty = untyped.read(b'{"version": 3, "deployment": null}')
    assert target_of(empty, "dev", None, "here").full_name == "here/dev"
    with pytest.raises(ImportRefused, match="does not tell which project"):
        target_of(empty, "dev", None, None)
    with pytest.raises(ImportRefused, match="two projects"):
        target_of(empty, "a/dev", "b", None)
    with pytest.raises(ImportRefused, match="names no stack"):
        target_of(empty, "a/../dev", None, None)


def test_resources_of_two_stacks_are_no_stack() -> None:
    body = state()
    body["deployment"]["resources"][2]["urn"] = "urn:pulumi:prod::shop::a:b:C::d"
    with pytest.raises(ImportRefused, match="of 2 stacks: shop/dev, shop/prod"):
        target_of(untyped.read(written(body)), "dev", None, None)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b'{"version": 3}',
        b'{"version": 2, "deployment": {}}',
        b'{"version": 3, "deployment": []}',
        b'{"version": 3, "deployment": {"resources": [1]}}',
        b'{"version": 3, "deployment": {"resources": [{"urn": "x"}]}}',
        b'{"version": 3, "features": 1, "deployment": {}}',
        b'{"version": 3, "deployment": {"secrets_providers": "nonsense"}}',
    ],
)
def test_nonsense_is_refused_in_words(content: bytes) -> None:
    with pytest.raises(untyped.NoState) as refused:
        untyped.read(content)
    assert "pulumi stack export" in refused.value.hint


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=12,
)

_KEYS = (
    "urn",
    "type",
    "inputs",
    "outputs",
    "dependencies",
    "propertyDependencies",
    "parent",
    "provider",
    "id",
)


@settings(max_examples=200)
@given(st.lists(st.dictionaries(st.sampled_from(_KEYS), _JSON), max_size=3), _JSON)
def test_whatever_is_in_a_file_is_read_or_refused(resources: list[Any], more: Any) -> None:
    for deployment in ({"resources": resources}, more, {"resources": more, "pending_operations": resources}):
        try:
            read = untyped.read(written({"version": 3, "deployment": deployment}))
        except untyped.NoState:
            continue
        read.secrets()
        try:
            target_of(read, "dev", None, "shop")
        except EngineError:
            continue


@settings(max_examples=20, deadline=None)
@given(st.binary(max_size=60))
def test_the_passphrase_opens_what_it_sealed_and_nothing_that_was_changed(content: bytes) -> None:
    ciphertext = KEY.seal(content)
    assert KEY.unseal(ciphertext) == content
    version, nonce, sealed = ciphertext.split(":")
    for changed in (f"v2:{nonce}:{sealed}", f"{version}:{sealed}:{nonce}", f"v1:{nonce}", "", "v1:ä:ö"):
        with pytest.raises(Unreadable):
            KEY.unseal(changed)


def test_a_provider_state_that_pulumi_wrote_opens_with_its_passphrase() -> None:
    # Written by `pulumi stack init` v3.259.0 with the passphrase "sesame".
    known = "v1:3eAWsPPB2wY=:v1:q+l7TyDRimXKS4ur:2uzVq3fUWZdwRFVmwDrwq4gKsAYCdw=="
    Passphrase.of("sesame", known)
    with pytest.raises(WrongPassphrase):
        Passphrase.of("sesame ", known)
    with pytest.raises(Unreadable):
        Passphrase.of("sesame", "v1:3eAWsPPB2wY=")


def test_needs_are_learned_from_providers_and_records() -> None:
    def provider(package: str) -> dict[str, Any]:
        return {"type": f"pulumi:providers:{package}"}

    found = needs(
        [
            *map(provider, ["aws-native", "aws", "random", "datadog", "cloudflare", "pulumi"]),
            {"type": "tic:dns/challengeRecord:ChallengeRecord", "inputs": {"provider": "rfc2136"}},
            {"type": "tic:dns/challengeRecord:ChallengeRecord", "inputs": {"provider": {"not": "a name"}}},
        ]
    )
    assert found.kinds == ("aws", "cloudflare", "rfc2136")
    assert found.unknown == ("datadog",)

"""Whatever is given for a credential: fields, or one clear error that repeats none of it."""

import contextlib
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cli.creds_input import gather
from credentials import kinds
from credentials.errors import CredentialError

CANARY = "c4n4ry-9d1e"
TEXTS = st.builds(lambda before, after: before + CANARY + after, st.text(max_size=8), st.text(max_size=8))
VALUES = st.recursive(
    TEXTS | st.none() | st.integers() | st.floats(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXTS, inner, max_size=2),
    max_leaves=3,
)


@pytest.fixture(scope="module", autouse=True)
def alone() -> Iterator[None]:
    """No variable of whoever runs the tests is taken for a field."""
    with pytest.MonkeyPatch.context() as patch:
        for name in kinds.names():
            for one in kinds.load(name).fields:
                for variable in (*one.variables, *one.file_variables):
                    patch.delenv(variable, raising=False)
        yield


def names_of(kind: str) -> st.SearchStrategy[str]:
    return st.sampled_from([one.name for one in kinds.load(kind).fields]) | TEXTS


def refuses_in_words(kind: str, options: list[str], file: bytes | None, *, from_env: bool) -> None:
    """The fields are taken by the kind, or refused without a word of what was given."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "secrets.json")
        path.touch(0o600)
        path.write_bytes(file or b"")
        one = kinds.load(kind)
        with contextlib.suppress(CredentialError):
            try:
                source = None if file is None else str(path)
                one.checked(gather(one, options=options, secrets_from=source, from_env=from_env))
            except CredentialError as refused:
                said = f"{refused}{refused.hint}".replace(folder, "")
                problem = f"repeats what was given: {said}" if CANARY in said else ""
                problem = problem or ("" if said.isprintable() else "steers a terminal")
                if problem:
                    pytest.fail(problem)
                raise


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.data(), st.sampled_from(kinds.names()), st.booleans())
def test_any_options_are_taken_or_refused_in_words(data: st.DataObject, kind: str, from_env: bool) -> None:
    option = st.builds(
        lambda name, sign, value: f"{name}{sign}{value}",
        names_of(kind),
        st.sampled_from(["=", "=", "=@", ""]),
        TEXTS,
    )
    refuses_in_words(kind, data.draw(st.lists(option, max_size=3)), None, from_env=from_env)


@given(st.data(), st.sampled_from(kinds.names()))
def test_any_json_is_taken_or_refused_in_words(data: st.DataObject, kind: str) -> None:
    table = data.draw(st.dictionaries(names_of(kind), VALUES, max_size=4) | VALUES)
    refuses_in_words(kind, [], json.dumps(table).encode(), from_env=False)


@given(st.sampled_from(kinds.names()), st.binary(max_size=200))
def test_any_file_is_taken_or_refused_in_words(kind: str, content: bytes) -> None:
    refuses_in_words(kind, [], content, from_env=False)
    refuses_in_words(kind, [], b'{"' + content + b'": "' + CANARY.encode() + content + b'"}', from_env=False)


@pytest.mark.parametrize(
    ("options", "secrets_from", "next_step"),
    [([], "", "--secrets-from FILE"), (["password=@"], None, "--field password=@FILE")],
)
def test_a_file_without_a_name_is_none(options: list[str], secrets_from: str | None, next_step: str) -> None:
    kind = kinds.load("username-password")
    with pytest.raises(CredentialError, match="no file is named for ") as refused:
        gather(kind, options=options, secrets_from=secrets_from, from_env=False)
    assert next_step in refused.value.hint

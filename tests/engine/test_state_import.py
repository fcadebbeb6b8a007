"""A stack that moves in: its state is sealed by the vault alone, and is one version."""

import contextlib
import json
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from credentials.vault import Vault
from engine import bindings
from engine.bindings import Usage
from engine.database import Database
from engine.home import Home
from engine.installation import Installation
from engine.state import checkpoints, history, stacks, untyped, versions
from engine.state.passphrase import WrongPassphrase
from engine.state_export import export_state
from engine.state_import import Imported, import_state
from engine.state_sealers import SealedByAnother
from engine.state_target import ImportRefused, target_of
from tests.engine.moved_states import CANARY, KEY, PHRASE, installation, sealed, shown, state, written


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


def outputs(home: Installation, imported: Imported) -> dict[str, Any]:
    with home.database.read() as connection:
        return checkpoints.outputs(connection, home.vault, imported.stack.id, show_secrets=True)


def everything(home: Installation) -> bytes:
    """What lies in the database, packed values unpacked."""
    found = []
    with home.database.read() as connection:
        tables = connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'table'")).scalars()
        for table in tables.all():
            for row in connection.execute(text(f'SELECT * FROM "{table}"')):  # noqa: S608
                for value in row:
                    if isinstance(value, bytes):
                        with contextlib.suppress(zlib.error):
                            value = zlib.decompress(value, wbits=zlib.MAX_WBITS | 32)
                    found.append(value if isinstance(value, bytes) else str(value).encode())
    return b"\n".join(found)


def nobody() -> str:
    raise AssertionError("no passphrase is needed")


def test_a_state_under_a_passphrase_is_sealed_by_the_vault_and_by_nothing_else(
    home: Installation,
) -> None:  # C2
    body = state()
    done = take_in(home, body)
    assert (done.made, done.version, done.resources, done.sealed) == (True, 1, 3, 3)
    assert outputs(home, done) == {"password": CANARY}
    kept = everything(home)
    assert CANARY.encode() not in kept
    assert KEY.state.encode() not in kept
    ciphertexts = list(untyped.read(written(body)).ciphertexts())
    assert not any(one.encode() in kept for one in ciphertexts)
    assert b"passphrase" not in json.dumps(_deployment(home, done)["secrets_providers"]).encode()


def test_a_state_that_shows_its_secrets_needs_no_passphrase(home: Installation) -> None:  # C2
    done = take_in(home, state(shown), phrase=nobody)
    assert outputs(home, done) == {"password": CANARY}
    assert CANARY.encode() not in everything(home)


def test_a_state_that_lies_in_a_file_backend_is_read_too(home: Installation) -> None:
    exported = state()
    done = take_in(home, {"version": 3, "checkpoint": {"stack": "x", "latest": exported["deployment"]}})
    assert outputs(home, done) == {"password": CANARY}


def test_the_history_has_it_as_an_import(home: Installation) -> None:
    done = take_in(home, state())
    with home.database.read() as connection:
        (record,) = history.history(connection, done.stack.id)
    assert (record.kind, record.status, record.version, record.resource_count) == (
        "import",
        "succeeded",
        1,
        3,
    )
    (entry,) = [each for each in _audited(home) if each["action"] == "stack.import"]
    assert (entry["outcome"], entry["stack"]) == ("done", "shop/dev")


def test_what_is_secret_inside_a_secret_stays_so(home: Installation) -> None:
    inner = {**shown("inner"), "ciphertext": '"inner"'}
    del inner["plaintext"]
    body = state()
    body["deployment"]["resources"][0]["outputs"]["password"] = sealed({"of": inner})
    assert outputs(home, take_in(home, body)) == {"password": {"of": "inner"}}


def test_a_wrong_passphrase_changes_nothing(home: Installation) -> None:
    with pytest.raises(WrongPassphrase) as refused:
        take_in(home, state(), phrase=lambda: "a wrong one")
    assert "a wrong one" not in f"{refused.value} {refused.value.hint}"
    assert _stacks(home) == []


@pytest.mark.parametrize(
    ("provider", "who", "command"),
    [
        (
            {"type": "service", "state": {"owner": "acme", "project": "shop", "stack": "dev"}},
            "Pulumi Cloud",
            "pulumi stack export --stack acme/shop/dev --show-secrets | tic stack import-state shop/dev -",
        ),
        (
            {"type": "cloud", "state": {"url": "awskms://alias/x?region=r", "encryptedkey": "k"}},
            "a key service (awskms)",
            "pulumi stack export --stack dev --show-secrets | tic stack import-state shop/dev -",
        ),
        (
            {
                "type": "service",
                "state": {"url": "http://127.0.0.1:1", "owner": "tic", "project": "shop", "stack": "dev"},
            },
            "the service http://127.0.0.1:1",
            "tic stack export-state shop/dev --show-secrets | tic stack import-state shop/dev -",
        ),
        (None, "a secrets provider that it does not name", "pulumi stack export --stack dev --show-secrets"),
    ],
    ids=["Pulumi Cloud", "KMS", "another tic", "none"],
)
def test_what_another_has_sealed_is_refused_with_the_command(
    home: Installation, provider: Any, who: str, command: str
) -> None:
    with pytest.raises(SealedByAnother) as refused:
        take_in(home, state(secrets_providers=provider), phrase=nobody)
    assert who in str(refused.value)
    assert command in refused.value.hint
    assert _stacks(home) == []


def test_another_stack_of_the_same_vault_is_opened_by_it(home: Installation) -> None:
    first = take_in(home, state())
    exported = export_state(home, first.stack, version=None, how="sealed")
    assert exported.secrets().shown == 0
    body = json.loads(exported.written())
    second = take_in(home, body, "copy", phrase=nobody, renames=True)
    assert outputs(home, second) == {"password": CANARY}
    assert second.renamed == ("shop", "dev")
    urns = [each["urn"] for each in _deployment(home, second)["resources"]]
    assert urns[0] == "urn:pulumi:copy::shop::pulumi:pulumi:Stack::shop-copy"
    assert all(urn.startswith("urn:pulumi:copy::shop::") for urn in urns)


def test_resources_of_another_stack_are_renamed_only_if_that_is_asked_for(home: Installation) -> None:
    with pytest.raises(ImportRefused) as refused:
        take_in(home, state(), "site/prod")
    assert "belong to shop/dev, not to site/prod" in str(refused.value)
    assert "tic stack import-state site/prod FILE --rename" in refused.value.hint
    assert take_in(home, state(), "site/prod", renames=True).stack.full_name == "site/prod"


def test_a_stack_with_resources_is_replaced_only_by_force(home: Installation) -> None:
    take_in(home, state())
    with pytest.raises(ImportRefused) as refused:
        take_in(home, state())
    assert "shop/dev has 3 resources already" in str(refused.value)
    again = take_in(home, state(), replaces=True)
    assert (again.made, again.version) == (False, 2)
    with home.database.read() as connection:
        assert versions.at(connection, again.stack.id, 1).deployment


def test_what_its_providers_need_is_bound_to_what_is_active(home: Installation) -> None:  # B3
    home.vault.new("prod", "tencentcloud", _FIELDS)
    done = take_in(home, state())
    (binding,) = done.bound
    assert (binding.provider, binding.credential, done.unserved) == ("tencentcloud", "prod", {})


def test_what_nothing_serves_yet_is_needed_all_the_same(home: Installation) -> None:  # A1
    done = take_in(home, state())
    assert "tic creds new NAME --provider tencentcloud" in done.unserved["tencentcloud"].hint  # type: ignore[attr-defined]
    with home.database.read() as connection:
        assert [each.provider for each in bindings.bound(connection, done.stack.id)] == ["tencentcloud"]


def test_a_secret_of_the_vault_that_stands_there_in_plain_text_is_sealed(home: Installation) -> None:  # C2
    home.vault.new("prod", "tencentcloud", _FIELDS)
    body = state()
    body["deployment"]["resources"][1]["inputs"] = {"secretKey": _FIELDS["secret-key"], "region": "here"}
    done = take_in(home, body)
    assert [str(each) for each in done.caught] != []
    assert _FIELDS["secret-key"].encode() not in everything(home)
    assert _deployment(home, done)["resources"][1]["inputs"]["region"] == "here"


def test_operations_that_were_cut_short_come_along(home: Installation) -> None:
    thing = state()["deployment"]["resources"][2]
    done = take_in(home, state(pending_operations=[{"type": "creating", "resource": thing}]))
    assert done.pending == 1
    assert CANARY.encode() not in everything(home)


@pytest.mark.server
def test_a_state_moves_into_postgresql(tmp_path: Path, postgres_url: str) -> None:  # C2
    home = Home(tmp_path / "home", tmp_path / "cache", postgres_url)
    database = Database.open(home, create=True)
    Vault.create(database, home.root, usage=Usage(), actor="me@here")
    database.close()
    there = Installation(home)
    there.vault.new("prod", "tencentcloud", _FIELDS)
    done = take_in(there, state())
    assert outputs(there, done) == {"password": CANARY}
    assert [each.credential for each in done.bound] == ["prod"]
    there.database.close()


_FIELDS = {"secret-id": "AKIDexample0123456789", "secret-key": "the-secret-key-of-nobody-0123"}


def _deployment(home: Installation, imported: Imported) -> dict[str, Any]:
    with home.database.read() as connection:
        return checkpoints.deployment(connection, imported.stack.id)


def _stacks(home: Installation) -> list[str]:
    with home.database.read() as connection:
        return [each.full_name for each in stacks.list_all(connection)]


def _audited(home: Installation) -> list[dict[str, Any]]:
    from credentials.audit_store import entries

    with home.database.read() as connection:
        found = list(entries(connection))
    return [
        {"action": each.event.action, "outcome": each.event.outcome, "stack": each.event.stack}
        for each in found
        if hasattr(each, "event")
    ]

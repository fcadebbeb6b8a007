"""A stack that moves out: sealed as it lies, in plaintext, or under a passphrase; audited where it leaves."""

from pathlib import Path

import pytest

from credentials.audit_store import entries
from engine.installation import Installation
from engine.state import untyped
from engine.state.passphrase import Passphrase
from engine.state.sealing import SealedElsewhere
from engine.state.stacks import Stack
from engine.state.versions import Checkpoint, save
from engine.state_export import NoVersion, export_state
from engine.state_import import import_state
from engine.state_target import target_of
from tests.engine.moved_states import CANARY, KEY, PHRASE, installation, state, written


@pytest.fixture
def home(tmp_path: Path) -> Installation:
    return installation(tmp_path)


@pytest.fixture
def stack(home: Installation) -> Stack:
    read = untyped.read(written(state()))
    target = target_of(read, "dev", None, None)
    return import_state(home, read, target, folder=None, phrase=lambda: PHRASE).stack


def audited(home: Installation) -> list[dict[str, str]]:
    """What the audit log has of stacks that left."""
    with home.database.read() as connection:
        found = [entry for entry in entries(connection) if hasattr(entry, "event")]
    return [dict(each.event.detail) for each in found if each.event.action == "stack.export"]


def test_sealed_it_holds_no_secret_and_nothing_is_audited(home: Installation, stack: Stack) -> None:  # C2
    exported = export_state(home, stack, version=None, how="sealed")
    assert CANARY not in exported.written()
    assert exported.secrets() == untyped.Secrets(sealed=3, shown=0)
    assert untyped.read(exported.written().encode()) == exported
    assert audited(home) == []


def test_shown_it_holds_them_and_the_audit_log_knows(home: Installation, stack: Stack) -> None:  # B10
    exported = export_state(home, stack, version=1, how="shown")
    assert exported.secrets() == untyped.Secrets(sealed=0, shown=3)
    assert CANARY in exported.written()
    assert audited(home) == [{"secrets": "shown", "version": "1"}]


def test_under_a_passphrase_that_alone_opens_it(home: Installation, stack: Stack) -> None:  # C2
    exported = export_state(home, stack, version=None, how="passphrase", phrase="another one")
    assert CANARY not in exported.written()
    provider = exported.deployment["secrets_providers"]
    key = Passphrase.of("another one", provider["state"]["salt"])
    assert next(key.unseal(each) for each in exported.ciphertexts()) == f'"{CANARY}"'.encode()
    assert audited(home) == [{"secrets": "passphrase", "version": "1"}]


def test_a_version_that_is_not_there_is_named(home: Installation, stack: Stack) -> None:
    with pytest.raises(NoVersion, match="no version 2; its last is 1"):
        export_state(home, stack, version=2, how="sealed")


def test_what_another_has_sealed_goes_out_only_as_it_is(home: Installation, stack: Stack) -> None:
    body = state()["deployment"]
    with home.database.write() as connection:
        save(connection, stack.id, 1, Checkpoint(1, 3, (), body))
    exported = export_state(home, stack, version=None, how="sealed")
    assert exported.deployment["secrets_providers"] == {"type": "passphrase", "state": {"salt": KEY.state}}
    with pytest.raises(SealedElsewhere):
        export_state(home, stack, version=None, how="shown")

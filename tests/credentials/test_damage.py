"""A database that something else than tic changed: what does not belong together does not open."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from credentials.anchor import OldCopy
from credentials.contents import DamagedCredential
from credentials.credential import RoleState
from credentials.keys import KeyUnusable
from credentials.refusals import ChangedBehindTheVault, DamagedRow
from tests.credentials.worlds import KEYS, World, set_role

FULL = {**KEYS, "region": "r"}

CHANGES = {
    "text in place of bytes": "UPDATE credential_field SET sealed = 'text' WHERE credential_id = 1",
    "a cut value": "UPDATE credential_field SET sealed = substr(sealed, 1, 20) WHERE credential_id = 1",
    "an emptied value": "UPDATE credential_field SET sealed = x'' WHERE credential_id = 1",
    "a row moved to another credential": "UPDATE credential_field SET sealed ="
    " (SELECT sealed FROM credential_field WHERE credential_id = 2 AND name = 'secret-key')"
    " WHERE credential_id = 1 AND name = 'secret-key'",
    "a row moved to another field": "UPDATE credential_field SET sealed ="
    " (SELECT sealed FROM credential_field WHERE credential_id = 1 AND name = 'secret-id')"
    " WHERE credential_id = 1 AND name = 'secret-key'",
    "all rows moved to another version": "UPDATE credential_field SET version = 2 WHERE credential_id = 1",
    "rows and credential set to another version": "UPDATE credential_field SET version = 7; "
    "UPDATE credential SET version = 7",
    "a row taken away": "DELETE FROM credential_field WHERE credential_id = 1 AND name = 'region'",
    "all rows taken away": "DELETE FROM credential_field WHERE credential_id = 1",
    "a row added": "INSERT INTO credential_field SELECT credential_id, version, 'session-token', sealed"
    " FROM credential_field WHERE credential_id = 1 AND name = 'secret-key'",
    "two credentials' rows swapped": "UPDATE credential_field SET version = 9 WHERE credential_id = 1;"
    " UPDATE credential_field SET credential_id = 1 WHERE credential_id = 2;"
    " UPDATE credential_field SET credential_id = 2, version = 1 WHERE version = 9",
    "two credentials' names swapped": "UPDATE credential SET name = 'x' WHERE id = 1;"
    " UPDATE credential SET name = 'prod' WHERE id = 2; UPDATE credential SET name = 'next' WHERE id = 1",
    "two credentials' tokens swapped": "UPDATE credential SET token = 'x' || token;"
    " UPDATE credential SET token = (SELECT substr(token, 2) FROM credential AS other"
    " WHERE other.id = 3 - credential.id) WHERE id = 1",
    "another kind": "UPDATE credential SET kind = 'httpreq' WHERE id = 1",
}


@pytest.fixture
def pair(world: World) -> World:
    world.vault.new("prod", "tencentcloud", FULL)
    world.vault.new("next", "tencentcloud", FULL)
    return world


@pytest.mark.parametrize("change", CHANGES, ids=lambda one: one.replace(" ", "_"))
def test_a_changed_database_does_not_open(pair: World, change: str) -> None:
    for statement in CHANGES[change].split(";"):
        pair.sql(statement)
    with pytest.raises(DamagedCredential) as refused:
        pair.vault.opened("prod", purpose="a test")
    assert "'prod'" in str(refused.value)
    assert refused.value.exit_code == 5
    assert "tic creds rotate prod" in refused.value.hint


def test_an_old_version_put_back_does_not_open(pair: World) -> None:
    with pair.database.read() as connection:
        old = connection.exec_driver_sql(
            "SELECT name, sealed FROM credential_field WHERE credential_id = 1"
        ).all()
    pair.vault.rotate("prod", FULL)
    for name, sealed in old:
        pair.sql("UPDATE credential_field SET sealed = ? WHERE credential_id = 1 AND name = ?", sealed, name)
    with pytest.raises(DamagedCredential):
        pair.vault.opened("prod", purpose="a test")


def test_nothing_is_changed_in_tables_that_were_changed_from_outside(pair: World) -> None:
    pair.sql("UPDATE credential SET state = 'ready' WHERE id = 1")
    before = pair.vault.list()
    for change in (
        lambda: pair.vault.rotate("prod", FULL),
        lambda: pair.vault.activate("next"),
        lambda: pair.vault.new("third", "tencentcloud", FULL),
        lambda: pair.vault.delete("next"),
        lambda: pair.vault.rescope("next", "project:web"),
        lambda: set_role(pair.vault, "tencentcloud", RoleState.ENABLED),
    ):
        with pytest.raises(ChangedBehindTheVault) as refused:
            change()
        assert refused.value.exit_code == 5
        assert "tic vault doctor" in refused.value.hint
    assert pair.vault.list() == before


def test_an_old_copy_of_the_whole_database_is_noticed(pair: World) -> None:
    copy = pair.copied()
    pair.vault.delete("next")
    pair.put_back(copy)
    for use in (
        lambda: pair.reopened().opened("prod", purpose="a test"),
        lambda: pair.reopened().delete("next"),
    ):
        with pytest.raises(OldCopy, match="is an old copy") as refused:
            use()
        assert refused.value.exit_code == 5


def test_an_end_cut_off_the_audit_log_is_noticed(pair: World) -> None:
    pair.vault.opened("prod", purpose="a test")
    pair.sql("DELETE FROM audit WHERE seq = (SELECT max(seq) FROM audit)")
    with pytest.raises(ChangedBehindTheVault):
        pair.vault.opened("prod", purpose="a test")


def test_seals_that_were_emptied_are_missed(pair: World) -> None:
    pair.sql("UPDATE vault SET digest = NULL")
    with pytest.raises(ChangedBehindTheVault):
        pair.reopened().opened("prod", purpose="a test")


@pytest.mark.parametrize(
    "change", ["vault_id = 'another'", "wrapped_key = x'00'", "wrapped_key = substr(wrapped_key, 2)"]
)
def test_a_changed_vault_row_opens_nothing(pair: World, change: str) -> None:
    pair.sql(f"UPDATE vault SET {change}")  # noqa: S608
    with pytest.raises(KeyUnusable, match="the vault's own row was changed"):
        pair.reopened().opened("prod", purpose="a test")


@pytest.mark.parametrize(
    "change",
    [
        "credential SET state = 'x'",
        "credential SET name = x'ff' WHERE id = 1",
        "credential SET created_at = 'long ago'",
        "credential SET last_used_at = 1e300",
        "credential SET updated_at = -1",
        "vault SET vault_id = x'00'",
        "vault SET created_at = 9e99",
        "vault SET wrapped_key = 'text'",
    ],
)
def test_a_row_that_tic_did_not_write_is_damage(pair: World, change: str) -> None:
    with pair.database.write() as connection:
        connection.exec_driver_sql("PRAGMA ignore_check_constraints = ON")  # as a flipped bit does
        connection.exec_driver_sql(f"UPDATE {change}")
    look = pair.vault.status if change.startswith("vault") else pair.vault.list
    with pytest.raises(DamagedRow, match="holds what tic does not put there") as refused:
        look()
    assert refused.value.exit_code == 5
    assert refused.value.hint.startswith("put a backup back: tic vault restore FILE --force")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(["region", "secret-id", "secret-key"]), st.data())
def test_any_flipped_bit_of_any_row_is_noticed(world: World, field: str, data: st.DataObject) -> None:
    if not world.vault.list():
        world.vault.new("prod", "tencentcloud", FULL)
    with world.database.read() as connection:
        query = "SELECT sealed FROM credential_field WHERE name = ?"
        sealed = connection.exec_driver_sql(query, (field,)).scalar_one()
    bit = data.draw(st.integers(0, len(sealed) * 8 - 1))
    changed = bytearray(sealed)
    changed[bit // 8] ^= 1 << (bit % 8)
    world.sql("UPDATE credential_field SET sealed = ? WHERE name = ?", bytes(changed), field)
    with pytest.raises(DamagedCredential, match=f"its field {field}"):
        world.vault.opened("prod", purpose="a test")
    world.sql("UPDATE credential_field SET sealed = ? WHERE name = ?", sealed, field)
    world.vault.opened("prod", purpose="a test")

"""Another key for a vault: everything opens before, after, and whatever a kill left in between."""

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from credentials import keys
from credentials.anchor import Position
from credentials.contents import DamagedCredential
from credentials.keys import KEY_FILE, NEXT_FILE, Cost, KeyUnusable, as_text, new_key
from credentials.ledger import Ledger
from credentials.rekeying import Rekeyed, rekey, tidy
from credentials.sealing import generation_of
from engine.installation import Installation
from tests.credentials.keyrings import InMemory, using
from tests.engine.vaults import Kept, full

CHEAP = Cost(passes=1, memory=8 * 1024)
SOURCES = ("file", "keyring", "passphrase", "environment")


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    return full(tmp_path / "home")


@pytest.fixture
def around(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemory]:
    """A keyring, and variables that hold present and next keys and passphrases."""
    monkeypatch.setenv("TIC_KEY", as_text(new_key()).reveal().decode())
    monkeypatch.setenv("TIC_NEW_KEY", as_text(new_key()).reveal().decode())
    monkeypatch.setenv("TIC_PASSPHRASE", "correct horse battery staple")
    monkeypatch.setenv("TIC_NEW_PASSPHRASE", "staple battery horse correct")
    backend = InMemory()
    with using(backend):
        yield backend


def given(installation: Installation, source: str = "file", *, data_key: bool = False) -> Rekeyed:
    make = keys.prepare(source, replacing=True, cost=CHEAP)
    return rekey(ledger(installation), installation.home.root, make, data_key=data_key)


def ledger(installation: Installation) -> Ledger:
    return installation.vault.ledger


def files(kept: Kept) -> set[str]:
    return {path.name for path in kept.home.root.iterdir()} - {"tic.db-wal", "tic.db-shm"}


@pytest.mark.parametrize("data_key", [False, True])
def test_everything_opens_with_the_new_key_and_nothing_with_the_old(kept: Kept, *, data_key: bool) -> None:
    before = kept.home.key_file.read_bytes()
    given(kept.installation(), data_key=data_key)
    assert kept.home.key_file.read_bytes() != before
    (former,) = keys.formers(kept.home.root)
    assert former.read_bytes() == before
    assert files(kept) == {"tic.db", "vault.key", "vault.seen", former.name}
    kept.opens()
    assert kept.wrong() == []
    kept.home.key_file.write_bytes(before)
    with pytest.raises(KeyUnusable, match="not the one that this vault was made with"):
        kept.opens()


def test_a_new_data_key_seals_every_field_of_every_version_anew(kept: Kept) -> None:
    with sqlite3.connect(kept.home.database) as connection:
        count = connection.execute("SELECT count(*) FROM credential_field").fetchone()[0]
        assert connection.execute("SELECT max(version) FROM credential_lease").fetchone()[0] == 1
    done = given(kept.installation(), data_key=True)
    assert (done.generation, done.resealed) == (2, count)
    with sqlite3.connect(kept.home.database) as connection:
        sealed = connection.execute("SELECT sealed FROM credential_field").fetchall()
        vault = connection.execute("SELECT digest, audit_key, audit_head FROM vault").fetchone()
    assert {generation_of(value) for (value,) in sealed} == {generation_of(value) for value in vault} == {2}


def test_what_is_sealed_elsewhere_opens_through_any_number_of_data_keys(kept: Kept) -> None:
    for generation in (2, 3, 4):
        assert given(kept.installation(), data_key=True).generation == generation
        kept.sealed[f"stack:{generation}"] = kept.installation().vault.seal(f"stack:{generation}", b"x")
        assert generation_of(kept.sealed[f"stack:{generation}"]) == generation
    vault = kept.installation().vault
    assert [vault.unseal(f"stack:{one}", kept.sealed[f"stack:{one}"]) for one in (2, 3, 4)] == [b"x"] * 3
    assert kept.wrong() == []


@pytest.mark.parametrize("data_key", [False, True])
def test_a_process_that_has_the_vault_open_goes_on(kept: Kept, *, data_key: bool) -> None:
    running = kept.installation().vault
    sealed = running.seal("stack:9", b"before")
    given(kept.installation(), data_key=data_key)
    later = kept.installation().vault.seal("stack:9", b"after")
    assert running.unseal("stack:9", later) == b"after"
    assert running.opened("web", purpose="a test").fields["username"].reveal() == b"me"
    assert kept.installation().vault.unseal("stack:9", sealed) == b"before"
    running.rotate("web", {"password": "another"})


@pytest.mark.parametrize("before", SOURCES)
@pytest.mark.parametrize("after", SOURCES)
def test_the_key_moves_from_any_source_to_any(
    kept: Kept, around: InMemory, monkeypatch: pytest.MonkeyPatch, before: str, after: str
) -> None:
    if before != "file":
        given(kept.installation(), before)
        monkeypatch.setenv("TIC_KEY", as_text(new_key()).reveal().decode())  # what is not TIC_NEW_KEY
    done = given(kept.installation(), after)
    assert (done.before, done.after) == (before, after)
    assert ("vault.key" in files(kept)) == (after == "file")
    assert len(around.entries) == (after == "keyring")
    assert NEXT_FILE not in files(kept)
    kept.opens()
    assert kept.wrong() == []


def test_it_is_in_the_audit_log_and_the_anchor_follows(kept: Kept) -> None:
    given(kept.installation(), data_key=True)
    with sqlite3.connect(kept.home.database) as connection:
        query = "SELECT seq, action, detail FROM audit ORDER BY seq DESC LIMIT 1"
        seq, action, detail = connection.execute(query).fetchone()
    assert (action, detail) == ("vault.rekey", '{"before":"file","generation":"2","key from":"file"}')
    installation = kept.installation()
    with installation.database.read() as connection:
        record = ledger(installation).record(connection)
        found = ledger(installation).keys(connection, record)
        position = ledger(installation).position(connection, record, found)
    assert ledger(installation).anchor.seen(found.sealer) == position
    assert position == Position(position.counter, seq)


def test_a_field_that_does_not_open_stops_it_and_nothing_changes(kept: Kept) -> None:
    installation = kept.installation()
    key = kept.home.key_file.read_bytes()
    with sqlite3.connect(kept.home.database) as connection:
        original = connection.execute("SELECT rowid, sealed FROM credential_field LIMIT 1").fetchone()
    with installation.vault.change("a test") as change:  # guarded, and damaged all the same
        text = f"UPDATE credential_field SET sealed = x'00' WHERE rowid = {original[0]}"  # noqa: S608
        change.connection.exec_driver_sql(text)
    with pytest.raises(DamagedCredential):
        given(installation, data_key=True)
    assert kept.home.key_file.read_bytes() == key
    with kept.installation().vault.change("a test") as change:
        text = f"UPDATE credential_field SET sealed = ? WHERE rowid = {original[0]}"  # noqa: S608
        change.connection.exec_driver_sql(text, (original[1],))
    kept.opens()
    assert kept.wrong() == []
    assert NEXT_FILE not in files(kept)


def killed_before_the_commit(kept: Kept) -> None:
    def make(folder: Path, vault_id: str) -> keys.Established:
        keys.prepare("file", replacing=True)(folder, vault_id)
        raise KeyboardInterrupt

    installation = kept.installation()
    with pytest.raises(KeyboardInterrupt):
        rekey(ledger(installation), kept.home.root, make)
    installation.database.close()


def killed_after_the_commit(kept: Kept) -> None:
    before = kept.home.key_file.read_bytes()
    given(kept.installation())
    shutil.move(kept.home.key_file, kept.home.root / NEXT_FILE)
    kept.home.key_file.write_bytes(before)
    kept.home.key_file.chmod(0o600)


KILLS = [killed_before_the_commit, killed_after_the_commit]


@pytest.mark.parametrize("killed", KILLS)
def test_whatever_a_kill_left_opens_and_the_check_tidies_it(
    kept: Kept, killed: Callable[[Kept], None]
) -> None:
    killed(kept)
    assert NEXT_FILE in files(kept)
    kept.opens()
    assert kept.wrong() == []
    assert NEXT_FILE not in files(kept)
    kept.opens()


@pytest.mark.parametrize("killed", KILLS)
def test_a_second_attempt_never_destroys_the_key_that_the_vault_is_under(
    kept: Kept, killed: Callable[[Kept], None]
) -> None:
    killed(kept)
    killed_before_the_commit(kept)
    kept.opens()
    given(kept.installation())
    kept.opens()
    assert NEXT_FILE not in files(kept)


def test_tidying_what_is_tidy_changes_nothing(kept: Kept) -> None:
    before = kept.home.key_file.read_bytes()
    tidy(ledger(kept.installation()), kept.home.root)
    assert kept.home.key_file.read_bytes() == before
    assert KEY_FILE in files(kept)

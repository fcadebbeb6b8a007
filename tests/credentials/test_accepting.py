"""What an owner takes for right is sealed as it is, and the audit log says that it was taken."""

import shutil
import sqlite3
from pathlib import Path

import pytest

from credentials.accepting import Accepted, accept
from credentials.anchor import OldCopy
from credentials.refusals import ChangedBehindTheVault
from tests.engine.vaults import Kept, full


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    return full(tmp_path / "home")


def accepted(kept: Kept) -> Accepted:
    installation = kept.installation()
    done = accept(installation.vault.ledger)
    installation.database.close()
    return done


def last_entry(kept: Kept) -> tuple[str, str]:
    with sqlite3.connect(kept.home.database) as connection:
        query = "SELECT action, detail FROM audit ORDER BY seq DESC LIMIT 1"
        found: tuple[str, str] = connection.execute(query).fetchone()
    return found


def test_an_old_copy_is_taken_and_goes_on_from_what_was_seen(kept: Kept, tmp_path: Path) -> None:
    older = kept.copy(tmp_path / "older")
    installation = kept.installation()
    installation.vault.activate("next")
    installation.vault.rotate("web", {"password": "another"})
    installation.database.close()
    shutil.copy(older.home.database, kept.home.database)
    with pytest.raises(OldCopy) as refused:
        kept.opens()
    assert refused.value.hint.endswith("tic vault accept")
    done = accepted(kept)
    assert done.seen is not None
    assert done.found is not None
    assert done.found.is_behind(done.seen)
    assert done.now.counter == done.seen.counter + 1
    kept.opens()
    assert kept.wrong() == []


def test_changed_rows_are_taken_and_the_log_says_so(kept: Kept) -> None:
    with sqlite3.connect(kept.home.database) as connection:
        connection.execute("UPDATE credential SET state = 'ready' WHERE name = 'prod'")
    with pytest.raises(ChangedBehindTheVault):
        kept.installation().vault.activate("next")
    assert accepted(kept).found is None
    assert kept.wrong() == []
    action, detail = last_entry(kept)
    assert action == "vault.accept"
    assert '"found":"unknown"' in detail


def test_what_was_cut_from_the_log_stays_a_finding(kept: Kept) -> None:
    """The owner goes on, and the log never claims to be whole."""
    with sqlite3.connect(kept.home.database) as connection:
        connection.execute("DELETE FROM audit WHERE seq = 3")
    accepted(kept)
    assert {check.name for check in kept.wrong()} == {"audit"}
    kept.opens()


def test_a_lost_anchor_is_made_anew(kept: Kept) -> None:
    (kept.home.root / "vault.seen").unlink()
    assert accepted(kept).seen is None
    assert kept.wrong() == []


def test_what_does_not_open_is_not_mended_by_it(kept: Kept) -> None:
    with sqlite3.connect(kept.home.database) as connection:
        connection.execute("UPDATE credential_field SET sealed = x'00' WHERE credential_id = 1")
    accepted(kept)
    assert {check.name for check in kept.wrong()} == {"credentials"}

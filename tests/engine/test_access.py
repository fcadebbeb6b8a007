"""Access tokens with the real vault: sealed by it, guarded by its digest, good under a new data key."""

import time
from pathlib import Path

import pytest

from credentials.keys import prepare
from credentials.refusals import ChangedBehindTheVault
from credentials.rekeying import rekey
from credentials.vault import Vault
from engine import access
from engine.bindings import Usage
from engine.database import Database
from engine.home import Home
from engine.installation import Installation
from engine.state.kept_tokens import KeptTokens
from engine.state.reach import EVERYTHING, Reach
from engine.state.tables import ACCESS_TOKEN


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    home = Home(tmp_path / "home", tmp_path / "cache")
    database = Database.open(home, create=True)
    Vault.create(database, home.root, usage=Usage(), actor="somebody@here")
    database.close()
    return Installation(home)


def test_a_running_server_takes_old_and_new_tokens_after_a_new_data_key(installation: Installation) -> None:
    before = access.new(installation, "before", EVERYTHING, None)
    server = Installation(installation.home)
    kept = KeptTokens(server.database, server.vault)
    assert kept.admitted(before.secret) is not None
    rekey(
        installation.vault.ledger,
        installation.home.root,
        prepare("file", replacing=True),
        data_key=True,
        keep_former=False,
    )
    after = access.new(Installation(installation.home), "after", Reach("shop"), time.time() + 60)
    for secret in (before.secret, after.secret):
        assert kept.admitted(secret) is not None
    access.revoke(Installation(installation.home), "before")
    assert kept.admitted(before.secret) is None


def test_a_revoked_row_that_is_put_back_is_noticed_at_the_next_change(installation: Installation) -> None:
    made = access.new(installation, "ci", EVERYTHING, None)
    with installation.database.read() as connection:
        row = dict(connection.execute(ACCESS_TOKEN.select()).one()._mapping)
    access.revoke(installation, "ci")
    with installation.database.write() as connection:
        connection.execute(ACCESS_TOKEN.insert().values(row))
    with pytest.raises(ChangedBehindTheVault):
        access.new(installation, "other", EVERYTHING, None)
    # The row itself is whole: until somebody changes or examines the vault, it is good.
    assert KeptTokens(installation.database, installation.vault).admitted(made.secret) is not None


def test_a_use_is_no_change_of_the_vault(installation: Installation) -> None:
    made = access.new(installation, "ci", EVERYTHING, None)
    kept = KeptTokens(installation.database, installation.vault)
    kept.admitted(made.secret)
    kept.note_uses()
    (found,) = access.listed(installation)
    assert found.last_used_at is not None
    access.new(installation, "other", EVERYTHING, None)


def test_what_is_made_shows_its_secret_to_nobody_who_prints_it(installation: Installation) -> None:
    made = access.new(installation, "ci", EVERYTHING, None)
    assert made.secret not in repr(made)

"""Vaults that are backed up, changed since, and brought back."""

import shutil
from pathlib import Path

from credentials.keys import Cost, passphrase
from credentials.keys.given import BACKUP
from engine.backup import Made, make
from engine.home import Home
from tests.engine.vaults import Kept

WORDS = "correct horse battery staple"
CHEAP = Cost(passes=1, memory=8 * 1024)


def backed_up(kept: Kept, path: Path, *, words: str = "", replace: bool = False) -> Made:
    installation = kept.installation()
    own = passphrase.establish(BACKUP, ask=lambda _: words, environ={}, cost=CHEAP) if words else None
    made = make(installation.database, installation.vault.ledger, path, passphrase=own, replace=replace)
    installation.database.close()
    return made


def changed_since(kept: Kept) -> None:
    installation = kept.installation()
    installation.vault.rotate("web", {"password": "another"})
    installation.vault.activate("next")
    installation.database.close()


def empty(tmp_path: Path, *, key_of: Kept | None = None) -> Kept:
    """A home with nothing in it but a key."""
    home = Home(tmp_path / "elsewhere", tmp_path / "cache")
    if key_of is not None:
        home.make()
        shutil.copy(key_of.home.key_file, home.key_file)
    return Kept(home, dict(key_of.sealed) if key_of else {})


def names(kept: Kept) -> set[str]:
    """The files of a home, without those that SQLite keeps beside an open one."""
    found = {path.name for path in kept.home.root.iterdir()}
    return found - {"tic.db-wal", "tic.db-shm"}


def state(kept: Kept) -> dict[str, bytes]:
    """What a refusal must leave as it was."""
    return {name: (kept.home.root / name).read_bytes() for name in ("tic.db", "vault.key", "vault.seen")}

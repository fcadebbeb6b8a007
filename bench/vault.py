"""The vault with many credentials: listing them all, and opening one."""

import os
import sqlite3
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from bench import places
from bench.pairs import Ratio, paired
from credentials import store
from credentials.contents import seal_fields
from credentials.credential import State
from credentials.vault import Vault
from engine.bindings import Usage
from engine.database import Database
from engine.home import Home

CREDENTIALS: Final = 10_000
OPENINGS: Final = 200
FIELDS: Final = {"secret-id": "an-id", "secret-key": "a-key"}


def vault(folder: Path, engine: Path) -> list[Ratio]:
    """A vault of CREDENTIALS credentials of one kind."""
    place = places.with_tic(folder / "vault", engine)
    home = Home.find(place.environment)
    database = Database.open(home)
    opened = Vault.open(database, home.root, usage=Usage())
    _fill(opened)
    listing = paired(
        f"`tic creds list`, {CREDENTIALS} credentials",
        lambda: place.run(places.TIC, "creds", "list"),
        "`pulumi version`",
        lambda: place.run(engine, "version"),
        runs=9,
        goal=3,
    )
    opening = _opening(opened, folder)
    database.close()
    return [listing, opening]


def _fill(vault: Vault) -> None:
    """In one transaction: ten thousand would take as many digests of the whole vault."""
    with vault.quiet_change() as change:
        for number in range(CREDENTIALS):
            state = State.READY if number else State.ACTIVE
            made = store.add(
                change.connection, f"prod-{number}", "tencentcloud", state, time.time(), scope="all"
            )
            sealed = seal_fields(change.keys.sealer, made, 1, FIELDS)
            store.add_fields(change.connection, made.id, 1, sealed)


def _opening(vault: Vault, folder: Path) -> Ratio:
    """Opening one, its audit entry durable before the secret is there, beside a durable commit of one row."""
    bare = sqlite3.connect(folder / "bare.db", isolation_level=None)
    for pragma in ("journal_mode = WAL", "synchronous = FULL"):
        bare.execute(f"PRAGMA {pragma}")
    bare.execute("CREATE TABLE t (content BLOB)")

    def commit() -> None:
        bare.execute("INSERT INTO t VALUES (?)", (os.urandom(200),))

    pairs = [
        (_timed(lambda: vault.opened("prod-77", purpose="bench")), _timed(commit)) for _ in range(OPENINGS)
    ]
    bare.close()
    ours, theirs = (statistics.median(side) for side in zip(*pairs, strict=True))
    return Ratio(
        f"opening one of {CREDENTIALS}, its audit entry durable first",
        ours,
        "a durable SQLite commit of one row",
        theirs,
        statistics.median(a / b for a, b in pairs),
        None,
        at_most=0.002,
    )


def _timed(act: Callable[[], object]) -> float:
    start = time.perf_counter()
    act()
    return time.perf_counter() - start

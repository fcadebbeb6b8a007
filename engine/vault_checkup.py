"""`tic vault doctor`: is the vault whole, closed to others, and the one that this machine last saw?

Each check looks at one thing, in the order in which one would mend them, and names the command that does. It
changes nothing but for one thing: the second key that a killed `tic vault rekey` left is let go.
"""

import shlex
import stat
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from credentials.anchor import OldCopy, Position
from credentials.errors import CredentialError
from credentials.proof import prove_credentials, prove_tables, prove_uses
from credentials.refusals import ChangedBehindTheVault
from engine.checkup import Check
from engine.database import Database
from engine.errors import EngineError
from engine.home import Home
from engine.installation import Installation
from engine.storage import EVERYBODY

MOST_FAULTS = 5


class VaultUnsound(EngineError):
    """Some check of the vault failed; each has said how to mend it."""

    exit_code = 5


def examine(home: Home, opened: Installation | None = None) -> list[Check]:
    """Every check that can be made; one that fails may hide those that need what it looked at.

    `opened` is an installation of this home that knows the vault's key already.
    """
    checks: list[Check] = []
    for name, look in _before_opening(home):
        checks.append(_tried(name, look))
        if not checks[-1].ok:
            return checks
    installation = opened or Installation(home)
    checks.append(_tried("integrity", lambda: _integrity(installation)))
    checks.append(_tried("key", lambda: _key(installation)))
    if not checks[-1].ok:
        return checks
    for name, look in _with_key(installation):
        checks.append(_tried(name, look))
    return checks


def _before_opening(home: Home) -> Iterator[tuple[str, Callable[[], str]]]:
    def folder() -> str:
        home.check_folder()
        return f"{home.root}, closed to others"

    def database() -> str:
        home.check_database()
        opened = Installation(home).database
        opened.check_writable()
        return f"{opened.name}, {_closed(opened)}"

    yield "home", folder
    yield "database", database


def _closed(database: Database) -> str:
    """Who may read it besides its owner; raises VaultUnsound where everybody may."""
    others = database.readers()
    if EVERYBODY in others:
        raise VaultUnsound(
            f"every user of the server may read tables of {database.name}",
            hint="as their owner, in psql: REVOKE ALL ON ALL TABLES IN SCHEMA public FROM PUBLIC",
        )
    return f"readable for {', '.join(others)} too" if others else "closed to others"


def _integrity(installation: Installation) -> str:
    database = installation.database
    faults = database.faults()
    with database.read() as connection:
        if not faults and connection.dialect.name == "sqlite":
            found = connection.exec_driver_sql(f"PRAGMA integrity_check({MOST_FAULTS})").scalars()
            faults = [str(line) for line in found if line != "ok"]
            lost = connection.exec_driver_sql("PRAGMA foreign_key_check")
            faults += _summed_up(Counter((table, other) for table, _, other, _ in lost))
    if faults:
        raise database.damaged("; ".join(faults[:MOST_FAULTS]))
    return "the database finds no fault in itself"


def _summed_up(lost: "Counter[tuple[str, str]]") -> Iterator[str]:
    """How many rows of a table refer to rows of another that are gone."""
    for (table, other), count in sorted(lost.items()):
        rows = f"1 row of {table} refers" if count == 1 else f"{count} rows of {table} refer"
        yield f"{rows} to what is gone from {other}"


def _key(installation: Installation) -> str:
    from credentials.keys import place

    status = installation.vault.status()
    if status.key_problem is not None:
        raise status.key_problem
    where = place(status.key_source, installation.home.root, status.vault_id)
    return f"{where}; it opens the vault (data key {status.generation})"


def _with_key(installation: Installation) -> Iterator[tuple[str, Callable[[], str]]]:
    from credentials.audit_log import AuditLog

    vault, database = installation.vault, installation.database

    def tables() -> str:
        with database.read() as connection:
            record = vault.ledger.record(connection)
            return prove_tables(connection, vault.ledger, record, vault.ledger.keys(connection, record))

    def credentials() -> str:
        with database.read() as connection:
            record = vault.ledger.record(connection)
            return prove_credentials(connection, vault.ledger.keys(connection, record).sealer)

    def uses() -> str:
        with database.read() as connection:
            return prove_uses(connection)

    def audit() -> str:
        found = AuditLog(database, vault.ledger).verify()
        if found.problems:
            first = found.problems[0]
            further = len(found.problems) + found.further - 1
            raise VaultUnsound(
                f"entry {first.seq}: {first.what}" + (f"; and {further} more problems" if further else ""),
                hint="see all of them: tic audit verify; put a backup back: tic vault restore FILE",
            )
        return f"{found.checked} entries, none changed or missing"

    yield "tables", tables
    yield "credentials", credentials
    yield "uses", uses
    yield "audit", audit
    yield "anchor", lambda: _anchor(installation)
    yield "leftovers", lambda: _leftovers(installation)


def _anchor(installation: Installation) -> str:
    """Whether this is the newest copy of the database that this machine has seen."""
    ledger = installation.vault.ledger
    _check_private(ledger.anchor.path)
    seen = ledger.anchor.seen(ledger.unlock().sealer)  # first: what it says was committed before
    with installation.database.read() as connection:
        record = ledger.record(connection)
        keys = ledger.keys(connection, record)
        if keys.audit is None:
            return "there is none before the first change"
        found = ledger.position(connection, record, keys)
    if seen is None:
        raise VaultUnsound(
            f"{ledger.anchor.path} is missing, so it can't be told whether the database is an old copy",
            hint="put it back if you have it; if this database is the newest: tic vault accept",
        )
    if found.is_behind(seen):
        raise OldCopy(seen, found)
    return f"change {found.counter}, audit entry {found.audited}: {_compared(seen, found)}"


def _compared(seen: Position, found: Position) -> str:
    return "as this machine last saw it" if seen == found else "newer than this machine last saw it"


def _check_private(path: Path) -> None:
    try:
        mode = path.stat().st_mode
    except OSError:
        return  # that it is missing, or can't be read, is said by whoever reads it
    if stat.S_IMODE(mode) & 0o077:
        raise VaultUnsound(
            f"{path} is open to other users (mode {stat.S_IMODE(mode):04o})",
            hint=f"close it: chmod 600 {path}",
        )


def _leftovers(installation: Installation) -> str:
    from credentials.keys import KEY_FILE, formers
    from credentials.rekeying import tidy
    from engine.unpacking import abandoned

    home, ledger = installation.home, installation.vault.ledger
    tidy(ledger, home.root)
    with installation.database.read() as connection:
        source = ledger.record(connection).key_source
    found = [
        f"{path} is what a killed restore left: rm -r {shlex.quote(str(path))}" for path in abandoned(home)
    ]
    found += [f"{path} opens older backups: remove it when they are gone" for path in formers(home.root)]
    if source != "file" and (home.root / KEY_FILE).exists():
        found.append(f"{home.root / KEY_FILE} is of no use here, but may open older backups; else remove it")
    return "; ".join(found) or "none"


def _tried(name: str, look: Callable[[], str]) -> Check:
    try:
        return Check(name, True, look())
    except (EngineError, CredentialError) as error:
        remedy = getattr(error, "command", "") or error.hint
        if isinstance(error, ChangedBehindTheVault):  # whose hint is to look here
            remedy = (
                "put a backup back: tic vault restore FILE --force; or take it for right: tic vault accept"
            )
        return Check(name, False, str(error), remedy, unusable=True)

"""What PostgreSQL's faults mean, and what to do about each.

A fault of a statement has a code (SQLSTATE; PostgreSQL's manual, appendix A). One of connecting has none: it
is known by the server's or libpq's words, and told in them where the server speaks another language.
"""

from typing import Final

from engine.postgres_url import Address
from engine.storage import BUSY_SECONDS, DatabaseDamaged, DatabaseUnusable

Meaning = tuple[str, str]
"""What went wrong, after "the database NAME", and the next step.

`{words}` is what the server said, `{server}` and `{database}` what its programs take.
"""

NOT_HAD_IN_TIME: Final = "55P03"  # a lock
_UNREACHABLE: Final = (
    "see that its server runs and can be reached: pg_isready{server}; then run the command again"
)
_OWNER: Final = "let its user own it: ALTER DATABASE {database} OWNER TO USER"
_FULL: Final = ("has no connection free", "run the command again later, or raise max_connections there")
_LOG: Final = "look into the server's log, then run the command again"
_RESTORE: Final = (
    "put a backup into an empty database: pg_restore --dbname=NAME BACKUP; vault.key stays as it is"
)

# By the whole code, else by its class, the first two characters. A class stands here only where its words
# hold nothing of what is stored.
_CODES: Final[dict[str, Meaning]] = {
    "08": ("went away: {words}", _UNREACHABLE),
    "25006": (
        "can only be read: it is a standby, or its administrator has made it so",
        "name the primary server in TIC_DATABASE_URL; among several: ?target_session_attrs=read-write",
    ),
    "25P03": ("ended a transaction in which nothing happened for too long", "run the command again"),
    "3F000": ("has no schema that this user may use: {words}", _OWNER),
    "40": ("was changed by another program at the same time", "run the command again"),
    "42501": ("does not let this user do its work: {words}", _OWNER),
    "42P01": ("lacks a table that its schema has", _RESTORE),
    "53": ("failed, because its server lacks something: {words}", _LOG),
    "53100": (
        "failed, because its server's disk is full: {words}",
        "free some space on the server's disk and run the command again",
    ),
    "53300": _FULL,
    NOT_HAD_IN_TIME: (
        f"is being written by another tic, and was for {BUSY_SECONDS} s",
        "run the command again when it is done",
    ),
    "57": ("went away: {words}", _UNREACHABLE),
    "57014": ("stopped a statement: {words}", "run the command again"),
    "58": ("failed, because its server did: {words}", _LOG),
}
# The first that fits; each is a part of what the server, or libpq, says.
_CONNECTING: Final[dict[str, Meaning]] = {
    "password authentication failed": (
        "refuses the password",
        "set the right one in TIC_DATABASE_URL, PGPASSWORD or ~/.pgpass",
    ),
    "no password supplied": (
        "wants a password",
        "give it in TIC_DATABASE_URL, PGPASSWORD or ~/.pgpass (mode 0600)",
    ),
    "authentication failed": (
        "refuses the user: {words}",
        "name a user that may connect from here, or change pg_hba.conf there",
    ),
    "pg_hba.conf": (
        "lets nobody in from here: {words}",
        "let its administrator add this machine to pg_hba.conf, or try ?sslmode=require",
    ),
    "too many": _FULL,
    "connection slots": _FULL,
    "starting up": ("is starting", "run the command again in a moment"),
    "shutting down": ("is shutting down", "run the command again when it is back"),
    "session is read-only": (
        "can only be read: it is a standby, or its administrator has made it so",
        "name the primary server in TIC_DATABASE_URL",
    ),
    "certificate": (
        "can't be trusted: {words}",
        "name the file of its CA in TIC_DATABASE_URL: ?sslmode=verify-full&sslrootcert=FILE",
    ),
    'FATAL: database "': (
        "is not there",
        "make it: createdb{server} --encoding UTF8 {database}, then: tic vault init",
    ),
    'FATAL: role "': ("does not know the user: {words}", "make it: createuser{server} --pwprompt USER"),
}


def explanation(error: BaseException | None, address: Address) -> DatabaseUnusable:
    """The error that a person reads for one fault of the driver."""
    code = str(getattr(error, "sqlstate", None) or "")
    if code in ("XX001", "XX002"):
        return damaged(address, "PostgreSQL can't read a part of it")
    words = _words(error)
    what, hint = _of_code(code, error) if code else _without_code(words, error)
    told = what.format(words=words)
    return DatabaseUnusable(
        f"the database {address.name} {told}",
        hint=hint.format(server=address.server, database=address.database),
    )


def damaged(address: Address, what: str) -> DatabaseDamaged:
    """The error for what tic has not put there."""
    return DatabaseDamaged(address.name, what, hint=_RESTORE)


def busy(address: Address) -> DatabaseUnusable:
    """The error for a lock that was not had in time."""
    what, hint = _CODES[NOT_HAD_IN_TIME]
    return DatabaseUnusable(f"the database {address.name} {what}", hint=hint)


def commit_lost(address: Address) -> DatabaseUnusable:
    """The connection ended between the order to commit and its answer."""
    return DatabaseUnusable(
        f"the database {address.name} went away during a commit: whether the change was made is not known",
        hint="look, and run the command again if it was not: tic creds list, tic stack list",
    )


def _words(error: BaseException | None) -> str:
    """The first line of what the server said, or libpq's account of trying to connect."""
    said = getattr(getattr(error, "diag", None), "message_primary", None) or str(error)
    for beginning in ("connection failed: ", "connection is bad: ", "consuming input failed: "):
        said = said.removeprefix(beginning)
    return " ".join(said.partition("\tIs the server running")[0].split())


def _of_code(code: str, error: BaseException | None) -> Meaning:
    unknown = (f"failed with code {code} ({type(error).__name__})", _LOG)
    return _CODES.get(code) or _CODES.get(code[:2]) or unknown


def _without_code(words: str, error: BaseException | None) -> Meaning:
    import psycopg

    if not isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
        if "NUL (0x00)" in words:
            return "can't keep a text with the character NUL in it", "leave that character out"
        return f"was asked for what its driver can't do ({type(error).__name__})", _LOG
    found = (meaning for mark, meaning in _CONNECTING.items() if mark in words)
    return next(found, ("can't be reached: {words}", _UNREACHABLE))

"""`TIC_DATABASE_URL`: which PostgreSQL database, and how it is named where the password must not be seen."""

import sys
from dataclasses import dataclass, field
from typing import Final

from engine.errors import EngineError

_SCHEMES: Final = ("postgresql://", "postgres://")


class UrlRefused(EngineError):
    """TIC_DATABASE_URL is not the address of a PostgreSQL database; no part of it is repeated."""

    exit_code = 2

    def __init__(self, why: str) -> None:
        super().__init__(
            f"TIC_DATABASE_URL can't be used: {why}",
            hint="write it as postgresql://USER@HOST/DATABASE, with %40 for an @ and %2F for a / in a name "
            "or password; the password may stand in ~/.pgpass or PGPASSWORD instead",
        )


class DriverMissing(EngineError):
    """The database is PostgreSQL, and its driver is not installed."""

    exit_code = 6

    def __init__(self) -> None:
        super().__init__(
            "TIC_DATABASE_URL names a PostgreSQL database, and its driver psycopg is not installed",
            hint=f"install it: {sys.executable} -m pip install 'psycopg[binary]>=3.2,<4'",
        )


@dataclass(frozen=True, slots=True)
class Address:
    """A database of a server.

    `url` is for the driver alone; it may hold a password. `name` is how messages name the database; `server`
    is what PostgreSQL's own programs take (`-h HOST -p PORT`), as far as the URL says it. `settings` are the
    names of libpq's settings that the URL has.
    """

    url: str = field(repr=False)
    name: str
    database: str
    server: str
    settings: frozenset[str]


def address(url: str) -> Address:
    """The address in `url`; raises UrlRefused, DriverMissing.

    libpq reads a URL leniently: with an @ or a / in its password the rest of the password becomes a host or
    a database, which every message would repeat. So those are refused here.
    """
    if not url.startswith(_SCHEMES):
        raise UrlRefused(f"it begins with neither {_SCHEMES[0]} nor {_SCHEMES[1]}")
    if not url.isprintable():
        raise UrlRefused("it has control characters")
    before = url.partition("://")[2].rpartition("@")[0]
    if "@" in before or "/" in before:
        raise UrlRefused("it has an @ or a / where neither can be")
    parts = _parsed(url)
    if any(port and not port.isdecimal() for port in parts.get("port", "").split(",")):
        raise UrlRefused("its port is no number")
    host, port = parts.get("host", ""), parts.get("port", "")
    database = parts.get("dbname") or parts.get("user", "")
    return Address(
        url=url,
        name=_name(parts.get("user", ""), host, port, database),
        database=database,
        server=(f" -h {host}" if host else "") + (f" -p {port}" if port else ""),
        settings=frozenset(parts),
    )


def _parsed(url: str) -> dict[str, str]:
    try:
        import psycopg
        from psycopg.conninfo import conninfo_to_dict
    except ImportError:
        raise DriverMissing from None
    try:
        return {name: str(value) for name, value in conninfo_to_dict(url).items() if value is not None}
    except psycopg.Error:
        raise UrlRefused("PostgreSQL's own reader of such URLs refuses it") from None


def _name(user: str, host: str, port: str, database: str) -> str:
    """A URL without password and settings, except for a socket's folder: `?host=/run/postgresql`."""
    who = f"{user}@" if user else ""
    where = f":{port}" if port else ""
    if host.startswith("/"):
        return f"postgresql://{who}{where}/{database}?host={host}"
    return f"postgresql://{who}{f'[{host}]' if ':' in host else host}{where}/{database}"

"""Looks at everything that tic needs on this machine, and says how to mend what is missing."""

import os
import shlex
import sys
from collections.abc import Callable
from dataclasses import dataclass

from credentials.anchor import NAME as ANCHOR
from credentials.errors import CredentialError
from engine.database import NoDatabase
from engine.errors import EngineError
from engine.home import Home
from engine.installation import Installation

OLDEST_PYTHON = (3, 11)
UNUSABLE = 5  # how commands end that find vault, database or home so


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at. `remedy` is the command that mends it, empty where it is as it should be.

    Nothing works without what is `needed`; the rest is there for those who want it. What is `unusable` is
    there, and is damaged, closed to tic or open to others.
    """

    name: str
    ok: bool
    detail: str
    remedy: str = ""
    needed: bool = True
    unusable: bool = False


def examine(home: Home) -> list[Check]:
    """Every check, in the order in which one would mend them."""
    return [_python(), _home(home), *_vault(home), _cache(home), _engine(home), _go(home), _sandbox(home)]


def _python() -> Check:
    version = ".".join(map(str, sys.version_info[:3]))
    oldest = ".".join(map(str, OLDEST_PYTHON))
    if sys.version_info < OLDEST_PYTHON:
        return Check("python", False, f"{version} is too old", f"install Python {oldest} or newer")
    return Check("python", True, f"{version} at {sys.executable}")


def _home(home: Home) -> Check:
    if (fault := _fault_of("home", home.check_folder)) is not None:
        return fault
    if not home.root.exists():
        return Check("home", False, f"{home.root} is not there yet", "tic vault init")
    if not os.access(home.root, os.W_OK | os.X_OK):
        remedy = f"chmod u+rwx {shlex.quote(str(home.root))}"
        return Check("home", False, f"{home.root} is not writable", remedy, unusable=True)
    return Check("home", True, f"{home.root} (0700)")


def _vault(home: Home) -> list[Check]:
    """The database and the vault's key; opening it brings its schema up to date, as any command does."""
    if home.database_url is None and (lacking := _without_file(home)) is not None:
        return lacking
    installation = Installation(home)

    def database() -> str:
        installation.database.check_writable()
        if faults := installation.database.faults():
            raise installation.database.damaged("; ".join(faults))
        return f"{installation.database.name}{'' if home.database_url else ' (0600)'}, whole"

    def vault() -> str:
        status, credentials = installation.vault.status(), installation.vault.list()
        if status.key_problem:
            raise status.key_problem
        return f"its key opens it; {len(credentials)} credentials"

    checks = [_tried("database", database)]
    return [*checks, _tried("vault", vault)] if checks[0].ok else checks


def _without_file(home: Home) -> list[Check] | None:
    """What there is to say instead where the database is a file and can't be opened; else None."""
    if not home.root.is_dir():
        return [] if home.root.exists() else [_no_database(home)]
    if (fault := _fault_of("database", home.check_database)) is not None:
        return [fault]
    if not home.database.exists():
        return [_no_database(home)]
    if _fault_of("home", home.check_folder) is not None:
        return []  # nothing opens the database before the folder is closed
    return None


def _no_database(home: Home) -> Check:
    for left in (home.key_file, home.root / ANCHOR):
        if left.exists():  # there was a vault
            told = f"{home.database} is gone, and {left} is still there"
            return Check("database", False, told, "tic vault restore FILE", unusable=True)
    return Check("database", False, f"{home.database} is not there yet", "tic vault init")


def _cache(home: Home) -> Check:
    """The nearest folder that is there must be writable: the rest is made when it is needed."""
    there = next(folder for folder in (home.cache, *home.cache.parents) if folder.exists())
    if not (there.is_dir() and os.access(there, os.W_OK | os.X_OK)):
        return Check("cache", False, f"{there} is not writable", "set TIC_CACHE to a folder of your own")
    return Check("cache", True, str(home.cache))


def _engine(home: Home) -> Check:
    from engine.toolchain import pulumi

    tool = None
    try:
        tool = pulumi.locate(home)
    except EngineError as error:
        return Check("engine", False, str(error), error.hint)
    if tool is None:
        return Check("engine", False, "there is no Pulumi engine yet", "tic engine install")
    return Check("engine", True, f"Pulumi {tool.version} ({tool.source}): {tool.path}")


def _go(home: Home) -> Check:
    from engine.toolchain import golang
    from engine.toolchain.errors import WayFailed
    from engine.toolchain.pins import pins

    oldest = pins()["pulumi"].go
    try:
        go = golang.on_path(oldest)
    except WayFailed as failure:
        detail = f"{failure.reason}; a build would take it from PyPI"
        return Check("go", False, detail, f"install Go {oldest} or newer", needed=False)
    return Check("go", True, f"Go {go.version} at {go.path}", needed=False)


def _sandbox(home: Home) -> Check:
    from engine.sandbox import lifecycle

    status = lifecycle.status(home)
    if status.up and status.sandbox:
        return Check("sandbox", True, f"up: {status.sandbox.directory}", needed=False)
    return Check("sandbox", False, "down", "tic sandbox up", needed=False)


def _tried(name: str, look: Callable[[], str]) -> Check:
    try:
        return Check(name, True, look())
    except NoDatabase as error:
        return Check(name, False, str(error), "tic vault init")
    except (EngineError, CredentialError) as error:
        return _failed(name, error)


def _fault_of(name: str, look: Callable[[], None]) -> Check | None:
    try:
        look()
    except EngineError as error:
        return _failed(name, error)
    return None


def _failed(name: str, error: EngineError | CredentialError) -> Check:
    """The bare command where there is one, as for what is missing; else the step in words."""
    remedy = getattr(error, "command", "") or error.hint
    return Check(name, False, str(error), remedy, unusable=error.exit_code == UNUSABLE)

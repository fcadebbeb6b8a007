"""Looks at everything that tic needs on this machine, and says how to mend what is missing."""

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass

from credentials.errors import CredentialError
from engine.errors import EngineError
from engine.home import Home
from engine.installation import Installation

OLDEST_PYTHON = (3, 11)


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at. `remedy` is the command that mends it, empty where it is as it should be.

    Nothing works without what is `needed`; the rest is there for those who want it.
    """

    name: str
    ok: bool
    detail: str
    remedy: str = ""
    needed: bool = True


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
    try:
        mode = home.root.stat().st_mode & 0o777
    except FileNotFoundError:
        return Check("home", False, f"{home.root} is not there yet", "tic vault init")
    except OSError as error:
        return Check("home", False, f"{home.root}: {error.strerror}", "set TIC_HOME to a folder of your own")
    if mode & 0o077:
        return Check("home", False, f"{home.root} is open to others ({mode:04o})", f"chmod 700 {home.root}")
    if not os.access(home.root, os.W_OK | os.X_OK):
        return Check("home", False, f"{home.root} is not writable", f"chmod u+rwx {home.root}")
    return Check("home", True, f"{home.root} (0700)")


def _vault(home: Home) -> list[Check]:
    """The database and the vault's key; opening it brings its schema up to date, as any command does."""
    if not home.database.exists():
        return [Check("database", False, f"{home.database} is not there yet", "tic vault init")]
    mode = home.database.stat().st_mode & 0o777
    if mode & 0o077:
        told = f"{home.database} is open to others ({mode:04o})"
        return [Check("database", False, told, f"chmod 600 {home.database}")]
    installation = Installation(home)

    def database() -> str:
        with installation.database.read():
            return f"{home.database} (0600)"

    def vault() -> str:
        status = installation.vault.status()
        if status.key_problem:
            raise status.key_problem
        return f"its key opens it; {status.credentials} credentials"

    checks = [_tried("database", database)]
    return [*checks, _tried("vault", vault)] if checks[0].ok else checks


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
    except (EngineError, CredentialError) as error:
        return Check(name, False, str(error), error.hint)

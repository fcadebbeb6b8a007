"""What the sandbox remembers, in the home's folder `sandbox` (0700): where it answers, and its processes."""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from engine.home import Home, HomeUnusable


@dataclass(frozen=True, slots=True)
class Sandbox:
    """Where the sandbox answers; the same from one `up` to the next, while its ports are free.

    `directory` (URL) is the CA's, `ca_file` the root of the CA's own TLS certificate, `nameserver`
    (`host:port`) the DNS server that the CA asks. `management` and `dns_management` (URLs) are where the two
    take settings. `program` publishes records there; `credential` is the vault's credential for that program
    (its name), None without a vault.
    """

    directory: str
    ca_file: str
    nameserver: str
    management: str
    dns_management: str
    program: str
    credential: str | None = None


@dataclass(frozen=True, slots=True)
class ProcessRecord:
    """A process of the sandbox: `started` (seconds since the epoch) tells it from a later one with its id."""

    pid: int
    started: float


class Folder:
    """The sandbox's files; each is replaced at once, so a reader never sees half of one."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.path = home.sandbox

    def make(self) -> None:
        """Make the folder, private to its owner; raises HomeUnusable."""
        self.home.make()
        try:
            self.path.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise HomeUnusable(
                f"the folder {self.path} can't be made: {error.strerror}",
                hint="set TIC_HOME to a folder that you may write to",
            ) from error

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Let one process at a time start or end the sandbox; the others wait."""
        self.make()
        lock = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def sandbox(self) -> Sandbox | None:
        """What the last `up` wrote, or None."""
        content = self._read("sandbox.json")
        try:
            return Sandbox(**content) if content else None
        except TypeError:
            return None  # written by another version: `up` writes it anew

    def write_sandbox(self, sandbox: Sandbox) -> None:
        """Remember where the sandbox answers."""
        self._write("sandbox.json", asdict(sandbox))

    def processes(self) -> dict[str, ProcessRecord]:
        """The processes that were started and not ended by `down`, by name; they may have died since."""
        return {name: ProcessRecord(**each) for name, each in (self._read("processes.json") or {}).items()}

    def write_processes(self, processes: dict[str, ProcessRecord]) -> None:
        """Remember which processes are the sandbox's."""
        self._write("processes.json", {name: asdict(each) for name, each in processes.items()})

    def _read(self, name: str) -> dict[str, Any] | None:
        try:
            content = json.loads((self.path / name).read_text())
        except (OSError, ValueError):
            return None
        return content if isinstance(content, dict) else None

    def _write(self, name: str, content: dict[str, Any]) -> None:
        write_private(self.path / name, json.dumps(content, indent=2).encode())


def write_private(path: Path, content: bytes, *, mode: int = 0o600) -> None:
    """Replace `path` at once by a file of this content and `mode`."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(beside, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, mode), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)

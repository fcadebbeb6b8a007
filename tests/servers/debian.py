"""Programs from Debian's packages: what is on the machine is used as it is, what is missing can be got.

A package is installed with apt (as root, or by `sudo -n`). Where that is not allowed, or where it would start
a server beside the machine's own (systemd), it is downloaded with what it depends on and unpacked into tic's
cache, which needs no rights at all.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.home import Home


class NotInstalled(Exception):
    """A program is not on this machine and could not be got; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Program:
    """An executable, and the value of LD_LIBRARY_PATH that it needs (None: none)."""

    path: Path
    libraries: str | None = None

    def environment(self) -> dict[str, str]:
        """What it needs beside PATH."""
        return {"LD_LIBRARY_PATH": self.libraries} if self.libraries else {}


@dataclass(frozen=True, slots=True)
class Package:
    """A package by its name and by the program that is wanted of it.

    `folders` are where Debian puts the program, relative to the root, as patterns; of several the last fits
    best. `what` names it for a person. `serves`: installing it starts a server on the machine's own ports,
    so it is unpacked wherever that works.
    """

    name: str
    program: str
    folders: tuple[str, ...]
    what: str
    serves: bool = False

    def find(self) -> Program | None:
        """The program, from the machine or unpacked in tic's cache; None where it is in neither."""
        on_path = shutil.which(self.program)
        machine = [Path(on_path)] if on_path else list(self._under(Path("/")))
        if machine:
            return Program(_unconfined(machine[-1].resolve()))
        unpacked = list(self._under(self.unpacked))
        if unpacked:
            folders = {library.parent for library in self.unpacked.rglob("*.so*")}
            return Program(unpacked[-1], os.pathsep.join(map(str, sorted(folders))))
        return None

    @property
    def unpacked(self) -> Path:
        """Where it is in tic's cache, if it had to be unpacked."""
        return Home.find().cache / "debian" / self.name

    def _under(self, root: Path) -> Iterator[Path]:
        for folder in self.folders:
            yield from sorted(root.glob(f"{folder}/{self.program}"))


def get(packages: Sequence[Package]) -> None:
    """Get what is missing, by the first way that works; raises NotInstalled with every failure."""
    missing = [package for package in packages if package.find() is None]
    if not missing:
        return
    names = ", ".join(package.what for package in missing)
    if not shutil.which("apt-get"):
        raise NotInstalled(f"this machine has no apt-get: install {names} with its package manager")
    failures = []
    starts = Path("/run/systemd/system").exists() or any(package.serves for package in missing)
    for way in (_unpack, _install) if starts else (_install, _unpack):
        try:
            way(missing)
        except (NotInstalled, OSError) as error:
            failures.append(f"{way.__name__.strip('_')}: {error}")
            _tell(failures[-1])
        else:
            return
    by_hand = " ".join(package.name for package in missing)
    raise NotInstalled(
        f"{names} could not be got ({'; '.join(failures)}); by hand: apt-get install {by_hand}"
    )


def _install(packages: Sequence[Package]) -> None:
    prefix = [] if os.geteuid() == 0 else ["sudo", "-n"]
    apt = [*prefix, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q", "-o", "Dpkg::Use-Pty=0"]
    _run([*apt, "update"])
    _run([*apt, "install", "-y", "--no-install-recommends", *(package.name for package in packages)])
    _check_found(packages)


def _unpack(packages: Sequence[Package]) -> None:
    """Download each package and all that apt would install with it, with package lists of our own."""
    lists = packages[0].unpacked.with_name("apt")
    (lists / "lists/partial").mkdir(parents=True, exist_ok=True)
    (lists / "archives/partial").mkdir(parents=True, exist_ok=True)
    apt = ["apt-get", "-q", "-o", f"Dir::State::Lists={lists}/lists", "-o", f"Dir::Cache={lists}"]
    _run([*apt, "-o", "APT::Sandbox::User=", "update"])
    for package in packages:
        plan = _run([*apt, "-s", "install", "--no-install-recommends", package.name])
        names = re.findall(r"^Inst (\S+)", plan, re.MULTILINE)
        if not names:
            raise NotInstalled(f"{package.name} is installed and has no {package.program}")
        downloads = lists / package.name
        downloads.mkdir(exist_ok=True)
        _run([*apt, "download", *names], folder=downloads)
        fresh = package.unpacked.with_name(f"{package.name}.{os.getpid()}")
        for archive in sorted(downloads.glob("*.deb")):
            _run(["dpkg", "-x", archive, fresh])
        fresh.replace(package.unpacked)
    shutil.rmtree(lists)
    _check_found(packages)


def _check_found(packages: Sequence[Package]) -> None:
    for package in packages:
        if package.find() is None:
            raise NotInstalled(f"the package {package.name} came without {package.program}")


def _unconfined(program: Path) -> Path:
    """A copy in the cache where AppArmor confines the packaged one, by its path, to Debian's own folders."""
    enabled = Path("/sys/module/apparmor/parameters/enabled")
    profile = Path("/etc/apparmor.d") / str(program).strip("/").replace("/", ".")
    if not (enabled.exists() and enabled.read_text().startswith("Y") and profile.exists()):
        return program
    copy = Home.find().cache / "debian" / program.name
    if not copy.exists():
        copy.parent.mkdir(parents=True, exist_ok=True)
        beside = copy.with_name(f"{program.name}.{os.getpid()}")
        shutil.copy2(program, beside)
        beside.replace(copy)
    return copy


def _run(command: Sequence[str | Path], *, folder: Path | None = None) -> str:
    _tell(" ".join(map(str, command)))
    done = subprocess.run(
        command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise NotInstalled(f"{' '.join(map(str, command))} failed: {done.stderr.strip()[-600:]}")
    return done.stdout


def _tell(text: str) -> None:
    sys.stderr.write(f"{text}\n")

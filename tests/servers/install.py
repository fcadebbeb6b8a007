"""Gets the servers that tests need from Debian's packages: `python -m tests.servers.install`.

What is on the machine already is used as it is. Otherwise the package is installed with apt (as root, or by
`sudo -n`); where that is not allowed, or where it would start a name server on port 53 (systemd), it is
downloaded with what it depends on and unpacked into tic's cache, which needs no rights at all.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.home import Home

PACKAGE, PROGRAM = "bind9", "named"
SYSTEM_PATH = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin", "/sbin"))


class NotInstalled(Exception):
    """A server is not on this machine and could not be got; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Program:
    """An executable, and the value of LD_LIBRARY_PATH that it needs (None: none)."""

    path: Path
    libraries: str | None = None


def named() -> Program:
    """BIND's server, from the machine or unpacked in tic's cache; raises NotInstalled."""
    if found := shutil.which(PROGRAM, path=SYSTEM_PATH):
        return Program(_unconfined(Path(found)))
    unpacked = _unpacked()
    if (program := unpacked / "usr/sbin" / PROGRAM).exists():
        folders = {library.parent for library in unpacked.rglob("*.so*")}
        return Program(program, os.pathsep.join(map(str, sorted(folders))))
    raise NotInstalled("BIND 9 (named) is not on this machine; get it: python -m tests.servers.install")


def install() -> Program:
    """Get BIND where it is missing, by the first way that works; raises NotInstalled with every failure."""
    try:
        return named()
    except NotInstalled:
        pass
    if not shutil.which("apt-get"):
        raise NotInstalled(
            "this machine has no apt-get: install BIND 9 (named) with its package manager, then try again"
        )
    failures = []
    for way in (_unpack, _with_apt) if Path("/run/systemd/system").exists() else (_with_apt, _unpack):
        try:
            way()
            return named()
        except (NotInstalled, subprocess.CalledProcessError, OSError) as error:
            failures.append(f"{way.__name__.strip('_')}: {error}")
            _tell(failures[-1])
    told = "; ".join(failures)
    raise NotInstalled(f"BIND 9 could not be installed ({told}); by hand: apt-get install {PACKAGE}")


def _with_apt() -> None:
    prefix = [] if os.geteuid() == 0 else ["sudo", "-n"]
    apt = [*prefix, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q", "-o", "Dpkg::Use-Pty=0"]
    _run([*apt, "update"])
    _run([*apt, "install", "-y", "--no-install-recommends", PACKAGE])


def _unpack() -> None:
    """Download the package and all that apt would install with it, with package lists of our own."""
    unpacked = _unpacked()
    lists = unpacked.with_name("apt")
    (lists / "lists/partial").mkdir(parents=True, exist_ok=True)
    (lists / "archives/partial").mkdir(parents=True, exist_ok=True)
    apt = ["apt-get", "-q", "-o", f"Dir::State::Lists={lists}/lists", "-o", f"Dir::Cache={lists}"]
    _run([*apt, "-o", "APT::Sandbox::User=", "update"])
    plan = _run([*apt, "-s", "install", "--no-install-recommends", PACKAGE])
    names = re.findall(r"^Inst (\S+)", plan, re.MULTILINE)
    if not names:
        raise NotInstalled(f"{PACKAGE} is installed and has no {PROGRAM}")
    packages = lists / "packages"
    packages.mkdir(exist_ok=True)
    _run([*apt, "download", *names], folder=packages)
    fresh = unpacked.with_name(f"bind9.{os.getpid()}")
    for package in sorted(packages.glob("*.deb")):
        _run(["dpkg", "-x", package, fresh])
    shutil.rmtree(lists)
    fresh.replace(unpacked)


def _unpacked() -> Path:
    return Home.find().cache / "debian" / PACKAGE


def _unconfined(program: Path) -> Path:
    """A copy in the cache where AppArmor confines the packaged one, by its path, to /etc/bind and /var."""
    enabled = Path("/sys/module/apparmor/parameters/enabled")
    if not (enabled.exists() and enabled.read_text().startswith("Y")):
        return program
    copy = Home.find().cache / "debian" / PROGRAM
    if not copy.exists():
        copy.parent.mkdir(parents=True, exist_ok=True)
        beside = copy.with_name(f"{PROGRAM}.{os.getpid()}")
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


if __name__ == "__main__":
    try:
        _tell(f"BIND: {install().path}")
    except NotInstalled as error:
        sys.exit(f"error: {error}")

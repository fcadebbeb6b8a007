"""Pulumi's SDK generators as language hosts, built from pinned modules into tic's cache where missing.

The hosts that run programs come with Pulumi's own installer, and so on machines where that can be reached.
"""

import hashlib
import sys
from pathlib import Path

from engine.home import Home
from engine.toolchain.cache import Shelf
from engine.toolchain.obtain import build, obtain
from engine.toolchain.pins import Pin, pins
from engine.toolchain.progress import Printer

LANGUAGES = ("python", "nodejs", "go")
PROGRAM = "sdk-generators"
SOURCES = Path(__file__).with_name("generators")


def install(folder: Path) -> Path:
    """A new folder for PATH that has a host of each language; returns it."""
    folder.mkdir()
    program = built()
    for language in LANGUAGES:
        (folder / f"pulumi-language-{language}").symlink_to(program)
    return folder


def built() -> Path:
    """The program itself."""
    digest = hashlib.sha256(b"".join(file.read_bytes() for file in sorted(SOURCES.iterdir())))
    pin = Pin(
        name=f"{PROGRAM}-{digest.hexdigest()[:12]}",
        title="Pulumi's SDK generators",
        version=pins()["pulumi"].version,
        packages=(".",),
        programs=(PROGRAM,),
        ldflags="-s -w",
        minutes=2,
        modules=SOURCES,
    )
    home = Home.find()
    shelf = Shelf.of(home, pin, pin.version)
    if not shelf.source():
        obtain(shelf, [build(home)], Printer(sys.stderr), hint=f"install Go {pin.go} or newer")
    return shelf.programs / PROGRAM

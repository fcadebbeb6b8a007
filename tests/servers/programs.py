"""The test CA's programs, built from their pinned modules into tic's cache when they are missing."""

import sys
from functools import cache
from pathlib import Path

from engine.home import Home
from engine.toolchain import pebble as toolchain
from engine.toolchain.progress import Printer


@cache
def _tools() -> toolchain.PebbleTools:
    return toolchain.ensure(Home.find(), Printer(sys.stderr))


def pebble() -> Path:
    """The CA."""
    return _tools().pebble


def challtestsrv() -> Path:
    """Its companion DNS server."""
    return _tools().challtestsrv


if __name__ == "__main__":
    sys.stderr.write(f"Pebble: {pebble()}\n")

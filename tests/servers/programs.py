"""The programs in Go that tests need, built from their pinned modules into tic's cache where missing."""

import sys
from functools import cache
from pathlib import Path

from engine.home import Home
from engine.toolchain import pebble as toolchain
from engine.toolchain.progress import Printer
from tests.servers import sdk_generators


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
    sys.stderr.write(f"SDK generators: {sdk_generators.built()}\n")

"""Rekeys a vault over and over, each time in a process that kills itself (SIGKILL) somewhere in the middle.

    python -m tests.credentials.rekeying_process HOME TIMES SEED SEALED

SEALED is JSON: what the vault sealed for elsewhere, by context, in hex. The moment is counted in calls, not
in time: one of all calls of the whole operation, or (every other time) one of those that reach the disk or
the database, before or after it. Prints one JSON object of counts; ends with 1, and the reason on stderr, as
soon as anything does not open or the check of the vault finds something.
"""

import json
import os
import random
import signal
import sqlite3
import sys
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

from credentials import keys
from credentials.keys import NEXT_FILE, Cost
from credentials.rekeying import rekey
from engine.home import Home
from engine.installation import Installation
from tests.engine.vaults import Kept

SOURCES = ("file", "file", "environment", "passphrase")
CHEAP = Cost(passes=1, memory=8 * 1024)


def main(root: str, times: str, seed: str, sealed: str) -> None:
    """Kill, look, and kill again."""
    kept = Kept(Home(Path(root), Path(root).with_name("cache")), _unpacked(sealed))
    chosen, counts = random.Random(seed), Counter[str]()
    _checked(kept)  # here, so that what a process imports first is not among the calls that are counted
    for number in range(int(times)):
        source, data_key, deep = chosen.choice(SOURCES), chosen.random() < 0.5, number % 2 == 1
        length = 32_000 if not deep else 520
        moment = chosen.randrange(length)
        before = _key_of(kept)
        ended = _apart(lambda: _rekeyed(kept, source, moment, data_key=data_key, deep=deep))  # noqa: B023
        counts["killed" if ended == -signal.SIGKILL else "finished"] += 1
        if ended not in (0, -signal.SIGKILL):
            raise SystemExit(f"rekeying number {number} ended with {ended}")
        if ended and before != _key_of(kept):
            counts["killed after the commit"] += 1
        if (kept.home.root / NEXT_FILE).exists():
            counts["left a second key"] += 1
        if _apart(lambda: _checked(kept)) != 0:
            raise SystemExit(f"number {number} of seed {seed}: not everything opens")
    print(json.dumps(counts))  # noqa: T201


def _apart(act: Callable[[], None]) -> int:
    """Do something in a process of its own; its exit code, or the negative number of the signal."""
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        try:
            act()
        except BaseException:
            sys.setprofile(None)
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _rekeyed(kept: Kept, source: str, moment: int, *, data_key: bool, deep: bool) -> None:
    installation = Installation(kept.home)
    ledger = installation.vault.ledger
    left = moment

    def count(_frame: FrameType, event: str, what: Any) -> None:
        nonlocal left
        if deep and not (event in ("c_call", "c_return") and _reaches_out(what)):
            return
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.setprofile(count)
    rekey(ledger, kept.home.root, keys.prepare(source, replacing=True, cost=CHEAP), data_key=data_key)
    installation.database.close()
    sys.setprofile(None)


def _reaches_out(function: Any) -> bool:
    return getattr(function, "__module__", None) == "posix" or isinstance(
        getattr(function, "__self__", None), sqlite3.Connection | sqlite3.Cursor
    )


def _checked(kept: Kept) -> None:
    kept.opens()
    if wrong := kept.wrong():
        raise AssertionError(wrong)
    if (kept.home.root / NEXT_FILE).exists():
        raise AssertionError("a second key is left")
    kept.opens()


def _key_of(kept: Kept) -> str:
    with sqlite3.connect(kept.home.database) as connection:
        found: str = connection.execute("SELECT key_params FROM vault").fetchone()[0]
    connection.close()
    return found


def _unpacked(sealed: str) -> dict[str, bytes]:
    return {context: bytes.fromhex(value) for context, value in json.loads(sealed).items()}


if __name__ == "__main__":
    main(*sys.argv[1:])

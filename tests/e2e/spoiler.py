"""`tic`, whose disk or database is spoiled at a chosen entry of its run's journal.

    python spoiler.py PLAN.json WORDS...

The plan: `entry` and `when` as in killed/stopper.py; `how`: `full` (no byte is left of the disk), `closed`
(the database's files may only be read), or `locked`, for so many `seconds` by another program; `home`;
`report`, a file that is written when it is done.
"""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

import engine.state.app
from tests.e2e.killed.stopper import AtEntry
from tests.servers.disk import Disk

LOCK = """
import sqlite3, sys, time
held = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=30)
held.execute("BEGIN IMMEDIATE")
print("held", flush=True)
time.sleep(float(sys.argv[2]))
"""


@dataclass(frozen=True)
class Spoil:
    """What is done, and where; as a plan of `AtEntry`."""

    entry: int
    when: str
    how: str
    home: str
    report: str
    seconds: float = 0.0
    victims: tuple[str, ...] = ()

    def strike(self) -> None:
        """Do it."""
        database = Path(self.home) / "tic.db"
        if self.how == "full":
            Disk(Path(self.home)).fill()
        elif self.how == "closed":
            subprocess.run(["chattr", "+i", database, f"{database}-wal"], check=True)
        else:
            words = [sys.executable, "-c", LOCK, str(database), str(self.seconds)]
            holder = subprocess.Popen(words, stdout=subprocess.PIPE)
            assert holder.stdout is not None
            holder.stdout.readline()
        Path(self.report).write_text(self.how)


def main() -> None:
    """Put the plan in front of the service, and be `tic`."""
    plan = Spoil(**json.loads(Path(sys.argv[1]).read_text()))
    make = engine.state.app.app

    def app(service: Any) -> Any:
        web: Any = make(service)
        web.add_middleware(AtEntry, plan=plan)
        return web

    engine.state.app.app = app
    sys.argv[:] = ["tic", *sys.argv[2:]]
    from cli.start import main as tic

    tic()


if __name__ == "__main__":
    main()

"""`tic`, which strikes itself or its children down at a chosen place of its run.

    python stopper.py PLAN.json WORDS...

The plan says where: `entry`, a journal entry of the run (counted from 1; Pulumi must send them one by one),
or `transaction`, one that this process writes to the database (counted from 1). With `when`, `before` it is
kept or `after` it is durable; of an entry Pulumi has not heard yet in both cases. `victims` are of `tic`,
`supervisor`, `program`, `pulumi`, `plugin`; `report` is a file that is written before the blow: the processes
of the run by what they are. `counted` is a file that gets a line for each transaction.

It counts calls as they come over HTTP, in front of the state service, and transactions around the database;
nothing of tic knows of it.
"""

import json
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

import engine.state.app
from engine.database import Database

ROLES = {
    "supervisor.py": "supervisor",
    "engine/program.py": "program",
    "pulumi": "pulumi",
    "realm.py": "plugin",
    "pulumi-resource-tic": "plugin",
}


@dataclass(frozen=True)
class Plan:
    when: str
    victims: tuple[str, ...]
    report: str
    counted: str
    entry: int = 0
    transaction: int = 0

    def strike(self) -> None:
        """Note who is there, and kill the victims, this process last."""
        there = dict(processes(os.getpid()))
        report = Path(self.report)
        report.with_suffix(".new").write_text(json.dumps(there))
        report.with_suffix(".new").rename(report)
        for role, pid in sorted(there.items(), key=lambda each: each[0] == "tic"):
            if role in self.victims:
                os.kill(pid, signal.SIGKILL)


class AtEntry:
    """An ASGI application in front of the service: strikes at the entry of the plan."""

    def __init__(self, inner: Any, plan: Plan) -> None:
        self._inner = inner
        self._plan = plan
        self._seen = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if not str(scope.get("path", "")).endswith("/journalentries"):
            await self._inner(scope, receive, send)
            return
        self._seen += 1
        if self._seen != self._plan.entry:
            await self._inner(scope, receive, send)
            return
        if self._plan.when == "before":
            self._plan.strike()
            if "pulumi" in self._plan.victims:
                return  # it was never sent
            await self._inner(scope, receive, send)
            return
        answer: list[Any] = []

        async def held(message: Any) -> None:
            answer.append(message)

        await self._inner(scope, receive, held)
        self._plan.strike()
        for message in answer:
            await send(message)


class Transactions:
    """Counts what this process writes to the database, and strikes at the transaction of the plan."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._seen = 0
        self._lock = threading.Lock()

    def watch(self) -> None:
        """Put this around every transaction that writes."""
        write = Database.write

        @contextmanager
        def watched(database: Database, only: str | None = None) -> Iterator[Any]:
            with write(database, only) as connection:
                yield connection
                with self._lock:
                    self._seen += 1
                    mine = self._seen
                with Path(self._plan.counted).open("a") as counted:
                    counted.write(f"{mine}\n")
                self._reached(mine, "before")
            self._reached(mine, "after")

        Database.write = watched  # type: ignore[method-assign, assignment]

    def _reached(self, number: int, when: str) -> None:
        if (number, when) == (self._plan.transaction, self._plan.when):
            self._plan.strike()


def processes(tic: int) -> Iterator[tuple[str, int]]:
    """What each process of the run of `tic` is, and its id."""
    yield "tic", tic
    for process in psutil.Process(tic).children(recursive=True):
        try:
            words = process.cmdline()
        except psutil.Error:
            continue
        role = next((role for word in words[:5] for end, role in ROLES.items() if word.endswith(end)), None)
        if role is not None:
            yield role, process.pid


def main() -> None:
    """Put the plan in front of the service, and be `tic`."""
    plan = Plan(**json.loads(Path(sys.argv[1]).read_text()))
    make = engine.state.app.app

    def app(service: Any) -> Any:
        web = make(service)
        web.add_middleware(AtEntry, plan=plan)
        return web

    engine.state.app.app = app
    Transactions(plan).watch()
    sys.argv[:] = ["tic", *sys.argv[2:]]
    from cli.start import main as tic

    tic()


if __name__ == "__main__":
    main()

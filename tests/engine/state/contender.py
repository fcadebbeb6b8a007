"""One of several processes that write journals at once: `python -m tests.engine.state.contender HOME FIRST
STACKS UPDATES BATCHES SEED`; TIC_DATABASE_URL as for tic.

It serves the state of a home and runs updates through it, a thread for each of its stacks, all at once.
Prints JSON: for each stack the resources that were acknowledged, and each call's milliseconds.
"""

import json
import random
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.database import Database
from engine.home import Home
from engine.state.app import app
from engine.state.server import serve
from engine.state.service import Access, StateService
from tests.engine.state.client import Client, created
from tests.engine.state.conftest import Wax


@dataclass
class Stack:
    """One stack's updates, one after the other; what was acknowledged is in `names`."""

    client: Client
    name: str
    chance: random.Random
    names: list[str] = field(default_factory=list)
    milliseconds: list[float] = field(default_factory=list)
    failure: str = ""

    def run(self, updates: int, batches: int) -> None:
        """Make the stack and run its updates; the first call that is not answered as it should be ends it."""
        try:
            self._call("POST", "/api/stacks/tic/proj", {"stackName": self.name})
            for _ in range(updates):
                self._update(batches)
        except Exception as error:
            self.failure = f"{self.name}: {error!r}"

    def _update(self, batches: int) -> None:
        base = f"/api/stacks/tic/proj/{self.name}/update"
        path = f"{base}/{self._call('POST', base, {'options': {}})['updateID']}"
        lease = self._call("POST", path, {"journalVersion": 1})["token"]
        known = len(self.names)
        manager = {"type": "service", "state": {"owner": "tic"}}
        entries = [_entry(1, 6, secretsProvider=manager)]
        for old, name in enumerate(self.names):  # as the engine does with what is the same
            entries.append({**created(2 + old, name), "removeOld": old})
        number = len(entries)
        for batch in range(batches):
            fresh = [f"r{known + batch}-{part}" for part in range(self.chance.randint(1, 3))]
            entries += [created(number := number + 1, name) for name in fresh]
            body = {"entries": entries}
            for _ in range(self.chance.choice([1, 1, 1, 2])):  # again, as after an answer that was lost
                self._call("PATCH", f"{path}/journalentries", body, lease)
            self.names += fresh
            entries = []
            if batch % 8 == 0:
                self._call("POST", f"{path}/events/batch", {"events": [{"sequence": batch}]}, lease)
                self._call("POST", f"{path}/renew_lease", {}, lease)
        self._call("POST", f"{path}/complete", {"status": "succeeded"}, lease)

    def _call(self, method: str, path: str, value: Any, lease: str | None = None) -> Any:
        begun = time.monotonic()
        answer = self.client(method, path, value, lease=lease, zipped=lease is not None)
        self.milliseconds.append((time.monotonic() - begun) * 1000)
        if answer.code != 200:
            raise AssertionError(f"{method} {path}: {answer}")
        return answer.value


def _entry(number: int, kind: int, **more: Any) -> dict[str, Any]:
    return {"version": 1, "kind": kind, "sequenceID": number, "operationID": 0, **more}


def main(root: Path, url: str | None, first: int, stacks: int, updates: int, batches: int, seed: int) -> None:
    """Run every stack's updates at once."""
    database = Database.open(Home(root, root / "cache", url))
    service = StateService(database, Wax())
    with serve(lambda: app(service)) as address:
        client = Client(address, service.admit(Access("contender")))
        made = [
            Stack(client, f"s{number}", random.Random(seed + number))
            for number in range(first, first + stacks)
        ]
        threads = [threading.Thread(target=stack.run, args=(updates, batches)) for stack in made]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    database.close()
    if failures := [stack.failure for stack in made if stack.failure]:
        sys.exit("\n".join(failures))
    told = {stack.name: {"names": stack.names, "milliseconds": stack.milliseconds} for stack in made}
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    import os

    main(Path(sys.argv[1]), os.environ.get("TIC_DATABASE_URL"), *map(int, sys.argv[2:]))

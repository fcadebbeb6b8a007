"""One of several processes that change a vault at once: `python -m tests.credentials.contender HOME SEED N`.

Prints, as JSON, how often each operation was done and how often it was refused by a rule.
"""

import collections
import json
import random
import sys
from pathlib import Path

from credentials.refusals import ConflictingChange, NameTaken, NoCredential
from credentials.rules import CredentialInUse, CredentialIsActive
from credentials.vault import Vault
from engine.database import Database
from engine.home import Home
from tests.credentials.worlds import KEYS, Stacks

NAMES = [f"c{number}" for number in range(8)]
EXPECTED = (NameTaken, NoCredential, CredentialIsActive, CredentialInUse, ConflictingChange)


def main(root: Path, seed: int, operations: int) -> None:
    """Do random operations; an exception that no rule explains ends the process."""
    chance = random.Random(seed)
    home = Home(root / "home", root / "cache")
    database = Database.open(home)
    vault = Vault.open(database, home.root, usage=Stacks())
    done: collections.Counter[str] = collections.Counter()
    for _ in range(operations):
        name, operation = (
            chance.choice(NAMES),
            chance.choice(["new", "activate", "delete", "rotate", "open", "bind"]),
        )
        try:
            _do(database, vault, operation, name)
            done[operation] += 1
        except EXPECTED:
            done[f"{operation} refused"] += 1
    database.close()
    sys.stdout.write(json.dumps(done))


def _do(database: Database, vault: Vault, operation: str, name: str) -> None:
    match operation:
        case "new":
            vault.new(name, "tencentcloud", KEYS)
        case "activate":
            vault.activate(name)
        case "delete":
            vault.delete(name)
        case "rotate":
            vault.rotate(name, KEYS)
        case "open":
            assert vault.opened(name, purpose="contention").fields["secret-key"].reveal() == b"a-key"
        case "bind":
            with database.write() as connection:
                connection.exec_driver_sql(
                    "INSERT INTO uses SELECT 'p/' || name, id FROM credential WHERE name = ? AND id % 3 = 0",
                    (name,),
                )


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))

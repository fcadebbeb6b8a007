"""An independent witness of a vault: triggers note every row that changes, and a reader judges the notes.

Neither uses the vault, its statements or its rules. A trigger runs in the transaction that it tells of, and
one transaction at a time writes, so the order of the notes is the order of the commits, and what is rolled
back leaves no note. Each change of the vault ends with the vault's own row, which parts the transactions.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from engine.home import Home
from tests.credentials.judge import Step, World, judge
from tests.credentials.plain_sql import plain

WATCHED: Final = {
    "credential": ("id", "token", "name", "kind", "state", "version", "scope"),
    "binding": ("stack_id", "provider", "credential_id", "role"),
    "linked_role": ("provider", "state", "role", "source_credential_id", "principal"),
    "stack": ("id", "project", "name"),
    "audit": ("action", "outcome", "kind", "stack"),
    "vault": ("id",),
}
END: Final = "vault"
NOTES: Final = "SELECT seq, place, before, after FROM witness WHERE seq > {} ORDER BY seq"
DOUBLE_ACTIVE: Final = "SELECT kind FROM credential WHERE state = 'active' GROUP BY kind HAVING count(*) > 1"
HOMELESS: Final = (
    "SELECT stack_id FROM binding LEFT JOIN credential ON credential.id = credential_id"
    " WHERE credential_id IS NOT NULL AND credential.id IS NULL"
)
POSTGRESQL: Final = """
CREATE TABLE witness (seq bigserial PRIMARY KEY, place text, before text, after text);
CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  INSERT INTO witness (place, before, after)
  VALUES (TG_TABLE_NAME, to_json(OLD)::text, to_json(NEW)::text);
  RETURN NULL;
END $$;
"""
POSTGRESQL_TRIGGER: Final = """
CREATE TRIGGER note AFTER INSERT OR DELETE OR UPDATE OF {updated} ON {place}
FOR EACH ROW EXECUTE FUNCTION note()
"""
SQLITE: Final = "CREATE TABLE witness (seq INTEGER PRIMARY KEY, place TEXT, before TEXT, after TEXT)"
SQLITE_TRIGGER: Final = """
CREATE TRIGGER note_{place}_{number} AFTER {verb} ON {place} BEGIN
  INSERT INTO witness (place, before, after) VALUES ('{place}', {before}, {after});
END
"""


def install(home: Home) -> None:
    """Make the table of notes and the triggers that fill it, while the vault's tables are empty."""
    with plain(home) as run:
        run(POSTGRESQL if home.database_url else SQLITE)
        for statement in _postgresql_triggers() if home.database_url else _sqlite_triggers():
            run(statement)


@dataclass(slots=True)
class Witness:
    """Reads the notes of one home as they come; `violations` are what it has found, in words."""

    home: Home
    world: World = field(default_factory=World)
    seen: int = 0
    transactions: int = 0
    snapshots: int = 0
    violations: list[str] = field(default_factory=list)
    _steps: list[Step] = field(default_factory=list)

    def look(self) -> None:
        """Judge each transaction since the last look, then compare the outcome with the tables."""
        with plain(self.home) as run:
            notes = run(NOTES.format(self.seen))
            doubled, homeless = run(DOUBLE_ACTIVE), run(HOMELESS)
            tables = {
                place: set(run(f"SELECT {', '.join(WATCHED[place])} FROM {place}"))  # noqa: S608
                for place in World.TABLES
            }
        for seq, place, before, after in notes:
            if self._steps and self._steps[-1].place == END != place:
                self._judge()
            self._steps.append(Step(place, _cells(place, before), _cells(place, after)))
            self.seen = seq
        self._judge()
        found = [f"two Active ones of {kind}" for (kind,) in doubled]
        found += [f"a binding of stack {stack} has no credential" for (stack,) in homeless]
        found += self.world.differences(tables)
        self.violations += [f"snapshot at note {self.seen}: {each}" for each in found]
        self.snapshots += 1

    def _judge(self) -> None:
        """The transaction is complete."""
        if not self._steps:
            return
        steps, self._steps = self._steps, []
        self.transactions += 1
        told = [f"{step.place}: {step.before} -> {step.after}" for step in steps]
        self.violations += [f"note {self.seen}: {each}; {told}" for each in judge(self.world, steps)]


def _cells(place: str, text: str | None) -> tuple[Any, ...] | None:
    if text is None:
        return None
    row = json.loads(text)
    return tuple(row[name] for name in WATCHED[place])


def _postgresql_triggers() -> Iterator[str]:
    for place in WATCHED:
        yield POSTGRESQL_TRIGGER.format(place=place, updated=_updated(place))


def _sqlite_triggers() -> Iterator[str]:
    for place, columns in WATCHED.items():
        old, new = (
            "json_object(" + ", ".join(f"'{name}', {row}.{name}" for name in columns) + ")"
            for row in ("OLD", "NEW")
        )
        verbs = {"INSERT": ("NULL", new), "DELETE": (old, "NULL"), f"UPDATE OF {_updated(place)}": (old, new)}
        for number, (verb, (before, after)) in enumerate(verbs.items()):
            yield SQLITE_TRIGGER.format(place=place, number=number, verb=verb, before=before, after=after)


def _updated(place: str) -> str:
    """The columns whose change counts; each transaction of the vault ends by writing one of its seals."""
    return "digest, audit_head" if place == END else ", ".join(WATCHED[place])

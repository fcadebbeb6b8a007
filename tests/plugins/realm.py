"""A provider plugin for tests: `realm:index:Thing`, whose realm is a database, so that orphans are counted.

The environment names it: `REALM_FILE`, an SQLite database (`Realm`); `REALM_SECONDS`, how long each create,
update and delete takes; `REALM_STOP`, `OPERATION:STAGE:NAME`: the operation on the thing of this name never
answers. The stage is `asked`, before anything is done, or `made`, when it is done and nobody knows it yet. A
file named as the database with `.stopped` at its end says that this place was reached.

Inputs: `value` (a change updates), `key` (a change replaces). Both come back as outputs.
"""

import asyncio
import os
import sqlite3
import sys
import time
import uuid
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.provider.experimental.provider import (
    ConfigureRequest,
    ConfigureResponse,
    CreateRequest,
    CreateResponse,
    DeleteRequest,
    DiffRequest,
    DiffResponse,
    Provider,
    ReadRequest,
    ReadResponse,
    UpdateRequest,
    UpdateResponse,
)
from pulumi.provider.experimental.server import main

Properties = dict[str, PropertyValue]


class Realm:
    """What exists: one row for each thing, with the name that it was made under."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with closing(self._open()) as database:
            database.execute("CREATE TABLE IF NOT EXISTS thing (id TEXT PRIMARY KEY, name TEXT, value TEXT)")

    def make(self, name: str, value: str) -> str:
        """Make a thing; there may be others of its name."""
        identity = f"{name}-{uuid.uuid4()}"
        with closing(self._open()) as database:
            database.execute("INSERT INTO thing VALUES (?, ?, ?)", (identity, name, value))
        return identity

    def change(self, identity: str, value: str) -> None:
        """Give it another value; raises LookupError where it does not exist."""
        with closing(self._open()) as database:
            changed = database.execute("UPDATE thing SET value = ? WHERE id = ?", (value, identity))
            if changed.rowcount == 0:
                raise LookupError(f"{identity} does not exist")

    def take_away(self, identity: str) -> None:
        """It does not exist afterwards, and perhaps did not before."""
        with closing(self._open()) as database:
            database.execute("DELETE FROM thing WHERE id = ?", (identity,))

    def value(self, identity: str) -> str | None:
        """The value that it has; None where it does not exist."""
        with closing(self._open()) as database:
            row = database.execute("SELECT value FROM thing WHERE id = ?", (identity,)).fetchone()
        return None if row is None else str(row[0])

    def everything(self) -> dict[str, tuple[str, str]]:
        """Name and value of each thing, by its id."""
        with closing(self._open()) as database:
            rows = database.execute("SELECT id, name, value FROM thing").fetchall()
        return {identity: (name, value) for identity, name, value in rows}

    def _open(self) -> sqlite3.Connection:
        return sqlite3.connect(self._path, timeout=30, isolation_level=None)


class Realmkeeper(Provider):
    """Things as rows; what it is told to do with them is in the environment."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._path = Path(environment["REALM_FILE"])
        self._realm = Realm(self._path)
        self._seconds = float(environment.get("REALM_SECONDS") or 0)
        self._stop = environment.get("REALM_STOP", "")

    async def configure(self, request: ConfigureRequest) -> ConfigureResponse:
        return ConfigureResponse(accept_secrets=True, supports_preview=True)

    async def diff(self, request: DiffRequest) -> DiffResponse:
        before, after = request.old_state, request.new_inputs
        changed = [name for name in after if _text(after, name) != _text(before, name)]
        return DiffResponse(
            changes=bool(changed), replaces=[name for name in changed if name == "key"], diffs=changed
        )

    async def create(self, request: CreateRequest) -> CreateResponse:
        if request.preview:
            return CreateResponse(properties=request.properties)
        await self._reached("create:asked", request.urn)
        identity = self._realm.make(_name(request.urn), _text(request.properties, "value"))
        await self._reached("create:made", request.urn)
        return CreateResponse(identity, request.properties)

    async def update(self, request: UpdateRequest) -> UpdateResponse:
        if not request.preview:
            await self._reached("update:asked", request.urn)
            self._realm.change(request.resource_id, _text(request.news, "value"))
            await self._reached("update:made", request.urn)
        return UpdateResponse(request.news)

    async def read(self, request: ReadRequest) -> ReadResponse:
        await self._reached("read:asked", request.urn)
        value = self._realm.value(request.resource_id)
        if value is None:
            return ReadResponse(resource_id="")
        found = {"value": PropertyValue(value)}
        return ReadResponse(request.resource_id, {**request.properties, **found}, {**request.inputs, **found})

    async def delete(self, request: DeleteRequest) -> None:
        await self._reached("delete:asked", request.urn)
        self._realm.take_away(request.resource_id)
        await self._reached("delete:made", request.urn)

    async def _reached(self, place: str, urn: str) -> None:
        if f"{place}:{_name(urn)}" == self._stop:
            self._path.with_name(f"{self._path.name}.stopped").write_text(str(os.getpid()))
            await asyncio.to_thread(time.sleep, 600)
        if place.endswith(":asked"):
            await asyncio.sleep(self._seconds)


def _name(urn: str) -> str:
    return urn.rpartition("::")[2]


def _text(properties: Properties, name: str) -> str:
    """A property as text; whether it is there, and whether it is a secret, makes no difference."""
    value = properties.get(name)
    inner: Any = None if value is None else value.value
    return "" if inner is None else str(inner)


if __name__ == "__main__":
    main(sys.argv[1:], "1.0.0", Realmkeeper(os.environ))

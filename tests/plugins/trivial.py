"""A provider plugin for tests: `trivial:index:Thing`, whose world is a folder with one file for each thing.

Properties that mean something: `key` (a change replaces), `fail` (the operation that fails: create, update or
delete), `wait` (create and update wait until this file exists), `copy` (names of environment variables whose
values are copied into the output `copied`, as careless providers do). All inputs come back as outputs.
A thing whose file is gone is not found by read.
"""

import asyncio
import os
import sys
import time
import uuid
from collections.abc import Mapping
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


class Trivial(Provider):
    """Things as files; nothing else."""

    def __init__(self, world: Path) -> None:
        self.world = world

    async def configure(self, request: ConfigureRequest) -> ConfigureResponse:
        return ConfigureResponse(accept_secrets=True, supports_preview=True)

    async def diff(self, request: DiffRequest) -> DiffResponse:
        before, after = request.old_state, request.new_inputs
        changed = [name for name in after if _plain(after[name]) != _plain(before.get(name))]
        changed += [name for name in before if name not in after and name != "copied"]
        return DiffResponse(
            changes=bool(changed), replaces=[name for name in changed if name == "key"], diffs=changed
        )

    async def create(self, request: CreateRequest) -> CreateResponse:
        if request.preview:
            return CreateResponse(properties=request.properties)
        await self._act("create", request.properties)
        identity = f"{request.name}-{uuid.uuid4()}"
        (self.world / identity).write_text("")
        return CreateResponse(identity, self._outputs(request.properties))

    async def update(self, request: UpdateRequest) -> UpdateResponse:
        if not request.preview:
            await self._act("update", request.news)
        return UpdateResponse(self._outputs(request.news))

    async def read(self, request: ReadRequest) -> ReadResponse:
        if not (self.world / request.resource_id).exists():
            return ReadResponse(resource_id="")
        return ReadResponse(request.resource_id, request.properties, request.inputs)

    async def delete(self, request: DeleteRequest) -> None:
        await self._act("delete", request.properties)
        (self.world / request.resource_id).unlink(missing_ok=True)

    async def _act(self, operation: str, properties: Properties) -> None:
        if operation != "delete" and (gate := _plain(properties.get("wait"))):
            await asyncio.to_thread(_wait_at, Path(gate))
        if _plain(properties.get("fail")) == operation:
            message = f"{operation} was told to fail"
            if names := _plain(properties.get("copy")):
                message += f", with {[os.environ.get(name) for name in names]}"
            raise RuntimeError(message)

    def _outputs(self, properties: Properties) -> Properties:
        names = _plain(properties.get("copy")) or ()
        copied = {name: PropertyValue(os.environ.get(name, "")) for name in names}
        return {**properties, "copied": PropertyValue(copied)} if copied else properties


def _wait_at(gate: Path) -> None:
    gate.with_name(f"{gate.name}.reached").write_text("")
    while not gate.exists():
        time.sleep(0.01)


def _plain(value: PropertyValue | None) -> Any:
    """The value without its wrappers; whether it is a secret makes no difference."""
    inner = None if value is None else value.value
    if isinstance(inner, tuple):
        return [_plain(item) for item in inner]
    if isinstance(inner, Mapping):
        return {name: _plain(item) for name, item in inner.items()}
    return inner


if __name__ == "__main__":
    main(sys.argv[1:], "1.0.0", Trivial(Path(os.environ["TRIVIAL_WORLD"])))

"""A provider plugin for tests: `shelf:index:Box`, whose world is a folder with a JSON file for each box.

Whoever changes a file changes the world, so drift is real, and reading and refreshing find it. Inputs: `key`
(a change replaces), `fail` (the operation that fails: create, update or delete), anything else. All of them
come back as outputs; `address` is an output that is new for each box and unknown in a preview, and `label` is
an input that the provider chooses itself where it is not given, as generated names are: listed in
`__defaults`, kept for as long as the box lives.
"""

import json
import os
import sys
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pulumi.provider.experimental.property_value import Computed, PropertyValue
from pulumi.provider.experimental.provider import (
    CheckRequest,
    CheckResponse,
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
DEFAULTS = "__defaults"


class Shelf(Provider):
    """Boxes as files."""

    def __init__(self, world: Path) -> None:
        self.world = world

    async def configure(self, request: ConfigureRequest) -> ConfigureResponse:
        return ConfigureResponse(accept_secrets=True, supports_preview=True)

    async def check(self, request: CheckRequest) -> CheckResponse:
        new, old = dict(request.new_inputs), request.old_inputs
        new.pop(DEFAULTS, None)
        chosen = []
        if "label" not in new:
            before = old.get("label") if "label" in (_plain(old.get(DEFAULTS)) or ()) else None
            new["label"] = before or PropertyValue(f"label-{uuid.uuid4().hex[:8]}")
            chosen = [PropertyValue("label")]
        return CheckResponse(inputs={**new, DEFAULTS: PropertyValue(chosen)})

    async def diff(self, request: DiffRequest) -> DiffResponse:
        before, after = request.old_state, request.new_inputs
        names = sorted({*before, *after} - {DEFAULTS, "address"})
        changed = [name for name in names if _plain(before.get(name)) != _plain(after.get(name))]
        return DiffResponse(
            changes=bool(changed),
            replaces=[name for name in changed if name in ("key", "label")],
            diffs=changed,
        )

    async def create(self, request: CreateRequest) -> CreateResponse:
        if request.preview:
            return CreateResponse(properties=_known(request.properties))
        _act("create", request.properties)
        identity = f"{request.name}-{uuid.uuid4().hex}"
        address = {"address": PropertyValue(f"{identity}.shelf.example")}
        self._write(identity, request.properties)
        return CreateResponse(identity, {**request.properties, **address})

    async def update(self, request: UpdateRequest) -> UpdateResponse:
        if not request.preview:
            _act("update", request.news)
            self._write(request.resource_id, request.news)
        return UpdateResponse({**_known(request.news), "address": request.olds["address"]})

    async def read(self, request: ReadRequest) -> ReadResponse:
        path = self.world / request.resource_id
        if not path.exists():
            return ReadResponse(resource_id="")
        found: Properties = {}
        for name, value in json.loads(path.read_text()).items():
            known = request.properties.get(name)
            found[name] = _wrapped(value).with_secret(bool(known and known.is_secret))
        address = {"address": PropertyValue(f"{request.resource_id}.shelf.example")}
        kept = {name: value for name, value in request.inputs.items() if name == DEFAULTS}
        return ReadResponse(request.resource_id, {**found, **kept, **address}, {**found, **kept})

    async def delete(self, request: DeleteRequest) -> None:
        _act("delete", request.properties)
        (self.world / request.resource_id).unlink(missing_ok=True)

    def _write(self, identity: str, properties: Properties) -> None:
        values = {name: _plain(value) for name, value in properties.items()}
        values = {name: value for name, value in values.items() if name not in (DEFAULTS, "address")}
        (self.world / identity).write_text(json.dumps(values))


def _act(operation: str, properties: Properties) -> None:
    if _plain(properties.get("fail")) == operation:
        raise RuntimeError(f"{operation} was told to fail")


def _known(properties: Properties) -> Properties:
    """Without what a preview does not know yet; the SDK can't send it back."""
    return {name: value for name, value in properties.items() if not isinstance(value.value, Computed)}


def _wrapped(value: Any) -> PropertyValue:
    """A value of JSON in the wrappers that the SDK wants."""
    if isinstance(value, list):
        return PropertyValue([_wrapped(item) for item in value])
    if isinstance(value, dict):
        return PropertyValue({name: _wrapped(item) for name, item in value.items()})
    return PropertyValue(value)


def _plain(value: PropertyValue | None) -> Any:
    """The value without its wrappers; whether it is a secret makes no difference."""
    inner = None if value is None else value.value
    if isinstance(inner, tuple | list):
        return [_plain(item) for item in inner]
    if isinstance(inner, Mapping):
        return {name: _plain(item) for name, item in inner.items()}
    return inner


if __name__ == "__main__":
    main(sys.argv[1:], "1.0.0", Shelf(Path(os.environ["SHELF_WORLD"])))

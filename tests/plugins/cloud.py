"""A stand-in for a cloud's real Pulumi plugin: the same tokens, the same places to look for a credential.

It calls the cloud through the official SDK, which the emulators in `tests.emulators` check. When it starts it
reports the whole environment of itself and of the engine that started it, and the arguments of every process
on the machine, for the test to look at.
"""

import asyncio
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pulumi.provider.experimental.property_value import PropertyValue
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
    GetSchemaRequest,
    GetSchemaResponse,
    InvokeRequest,
    InvokeResponse,
    Provider,
    ReadRequest,
    ReadResponse,
    UpdateRequest,
    UpdateResponse,
)
from pulumi.provider.experimental.server import main

from credentials.secret import SecretBytes

Plain = dict[str, Any]
Fields = Mapping[str, SecretBytes]


class NoCredential(Exception):
    """There is none where the real plugin would look for one."""


class Gone(Exception):
    """The cloud has no such thing any more."""


@dataclass(frozen=True, slots=True)
class Resource:
    """What the cloud does for one resource type; each gets and gives properties by the plugin's names."""

    create: Callable[[Plain], tuple[str, Plain]]
    read: Callable[[str, Plain], Plain]
    delete: Callable[[str, Plain], None]
    update: Callable[[str, Plain], Plain] | None = None
    replaces: tuple[str, ...] = ()


class Cloud(Provider):
    """Serves `resources` and `functions`, once it has found a credential; both are made by `settle`.

    `schema` is what programs in YAML need of the package's.
    """

    schema: Mapping[str, Any] = MappingProxyType({})

    def __init__(self) -> None:
        self.resources: dict[str, Resource] = {}
        self.functions: dict[str, Callable[[Plain], Plain]] = {}

    def settle(self, given: Plain) -> None:
        """Find the credential, in what the provider was configured with or elsewhere; raises NoCredential."""
        raise NotImplementedError

    def _resource(self, type_: str) -> Resource:
        """The resource of this type, which a child's URN has after its parents' types."""
        return self.resources[type_.rsplit("$", 1)[-1]]

    async def get_schema(self, request: GetSchemaRequest) -> GetSchemaResponse:
        return GetSchemaResponse(json.dumps(self.schema))

    async def check_config(self, request: CheckRequest) -> CheckResponse:
        return CheckResponse(inputs=request.new_inputs)

    async def diff_config(self, request: DiffRequest) -> DiffResponse:
        changed = _changed(request.old_state, request.new_inputs)
        return DiffResponse(changes=bool(changed), diffs=changed)

    async def configure(self, request: ConfigureRequest) -> ConfigureResponse:
        self.settle({name: plain(value) for name, value in request.args.items()})
        return ConfigureResponse(accept_secrets=True, supports_preview=True)

    async def check(self, request: CheckRequest) -> CheckResponse:
        return CheckResponse(inputs=request.new_inputs)

    async def diff(self, request: DiffRequest) -> DiffResponse:
        changed = _changed(request.old_state, request.new_inputs)
        known = self._resource(request.type)
        replaces = [name for name in changed if known.update is None or name in known.replaces]
        return DiffResponse(changes=bool(changed), replaces=replaces, diffs=changed)

    async def create(self, request: CreateRequest) -> CreateResponse:
        if request.preview:
            return CreateResponse(properties=request.properties)
        create = self._resource(request.type).create
        id_, outputs = await asyncio.to_thread(create, _plain_all(request.properties))
        return CreateResponse(id_, _wrapped(outputs))

    async def update(self, request: UpdateRequest) -> UpdateResponse:
        update = self._resource(request.type).update
        assert update is not None
        if request.preview:
            return UpdateResponse(request.news)
        return UpdateResponse(
            _wrapped(await asyncio.to_thread(update, request.resource_id, _plain_all(request.news)))
        )

    async def read(self, request: ReadRequest) -> ReadResponse:
        read = self._resource(request.type).read
        try:
            found = await asyncio.to_thread(read, request.resource_id, _plain_all(request.properties))
        except Gone:
            return ReadResponse(resource_id="")
        return ReadResponse(request.resource_id, _wrapped(found), request.inputs)

    async def delete(self, request: DeleteRequest) -> None:
        delete = self._resource(request.type).delete
        await asyncio.to_thread(delete, request.resource_id, _plain_all(request.properties))

    async def invoke(self, request: InvokeRequest) -> InvokeResponse:
        answer = await asyncio.to_thread(self.functions[request.tok], _plain_all(request.args))
        return InvokeResponse(_wrapped(answer))


def serve(provider: Cloud, version: str, report: str) -> None:
    """Be the plugin; the environments go to a new file in the folder `report`."""
    engine = Path(f"/proc/{os.getppid()}/environ").read_bytes().decode()
    seen = {
        "plugin": dict(os.environ),
        "engine": dict(line.split("=", 1) for line in engine.split("\0") if "=" in line),
        "arguments": dict(_arguments()),
    }
    (Path(report) / f"{os.getpid()}.json").write_text(json.dumps(seen))
    main(sys.argv[1:], version, provider)


def _arguments() -> Iterator[tuple[str, str]]:
    """The command lines that anybody on this machine can read."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):  # it has ended
            yield path.parent.name, path.read_bytes().decode(errors="replace")


def first(places: Sequence[Callable[[], Mapping[str, str]]], needed: Sequence[str]) -> Fields:
    """The fields of the first place that has all that is needed; an empty variable is none."""
    for place in places:
        found = {name: value for name, value in place().items() if value}
        if all(name in found for name in needed):
            return {name: SecretBytes(value.encode()) for name, value in found.items()}
    raise NoCredential


def plain(value: Any) -> Any:
    """The value without its wrappers; whether it is a secret makes no difference."""
    inner = value.value if isinstance(value, PropertyValue) else value
    if isinstance(inner, tuple | list):
        return [plain(item) for item in inner]
    if isinstance(inner, Mapping):
        return {name: plain(item) for name, item in inner.items()}
    return int(inner) if isinstance(inner, float) and inner.is_integer() else inner


def _plain_all(properties: Mapping[str, PropertyValue]) -> Plain:
    return {name: plain(value) for name, value in properties.items()}


def _wrapped(properties: Plain) -> dict[str, PropertyValue]:
    return {name: _value(value) for name, value in properties.items() if value is not None}


def _value(value: Any) -> PropertyValue:
    if isinstance(value, list):
        return PropertyValue([_value(item) for item in value])
    if isinstance(value, dict):
        return PropertyValue(_wrapped(value))
    return PropertyValue(float(value) if type(value) is int else value)


def _changed(before: Mapping[str, PropertyValue], after: Mapping[str, PropertyValue]) -> list[str]:
    return [name for name, value in after.items() if plain(value) != plain(before.get(name))]

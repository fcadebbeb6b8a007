"""A careless provider for tests: `copier:index:Copy` repeats its environment wherever a provider can.

Every variable that it was given, and the text of every file that one of them names, is a find. The property
`into` lists where to put them (`inputs`, `outputs`, `id`, `log`, `stderr`, `error`, `crash`, `names`), `ways`
how they are written (`plain`, `base64`, `json`, `url`, `wrapped`, `hex`). `fail` names the operation that
fails; with `crash` it ends the process instead, in the middle of a word to standard error.
"""

import base64
import binascii
import json
import os
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from pulumi.log import warn
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
    Provider,
    ReadRequest,
    ReadResponse,
    UpdateRequest,
    UpdateResponse,
)
from pulumi.provider.experimental.server import main

Properties = dict[str, PropertyValue]
LONGEST_FILE = 8 * 1024  # bytes; a bundle of public certificates is larger

WAYS: dict[str, Callable[[str], str]] = {
    "plain": lambda text: text,
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "shifted": lambda text: base64.b64encode(b"user:" + text.encode() + b"@host").decode(),
    "json": json.dumps,
    "twice": lambda text: json.dumps(json.dumps({"value": text})),
    "url": lambda text: f"https://host/?q={quote(text, safe='')}",
    "wrapped": lambda text: "\n".join(textwrap.wrap("".join(text.split()), 52)),
    "hex": lambda text: binascii.hexlify(text.encode()).decode(),
}


class Copier(Provider):
    """Copies instead of working."""

    async def configure(self, request: ConfigureRequest) -> ConfigureResponse:
        return ConfigureResponse(accept_secrets=True, supports_preview=True)

    async def check(self, request: CheckRequest) -> CheckResponse:
        inputs = dict(request.new_inputs)
        if "inputs" in _plain(inputs.get("into")):
            inputs["found"] = _value(_finds(inputs))
        return CheckResponse(inputs=inputs)

    async def diff(self, request: DiffRequest) -> DiffResponse:
        changed = [
            name
            for name, value in request.new_inputs.items()
            if _plain(value) != _plain(request.old_state.get(name))
        ]
        return DiffResponse(changes=bool(changed), replaces=[], diffs=changed)

    async def create(self, request: CreateRequest) -> CreateResponse:
        outputs = self._done("create", request.properties, preview=request.preview)
        finds = _finds(request.properties)
        into_id = "id" in _plain(request.properties.get("into"))
        identity = next(iter(finds.values()), "none") if into_id else request.name
        return CreateResponse(None if request.preview else identity[:2000], outputs)

    async def update(self, request: UpdateRequest) -> UpdateResponse:
        return UpdateResponse(self._done("update", request.news, preview=request.preview))

    async def read(self, request: ReadRequest) -> ReadResponse:
        return ReadResponse(request.resource_id, self._done("read", request.properties), request.inputs)

    async def delete(self, request: DeleteRequest) -> None:
        self._done("delete", request.properties)

    def _done(self, operation: str, properties: Properties, *, preview: bool = False) -> Properties:
        into, finds = _plain(properties.get("into")), _finds(properties)
        said = f"{operation} with {'; '.join(f'{name} is {text}' for name, text in finds.items())}"
        if "log" in into:
            warn(said)
        if "stderr" in into:
            sys.stderr.write(f"{said}\n")
            sys.stderr.flush()
        if _plain(properties.get("fail")) == operation and not preview:
            if "crash" in into:
                sys.stderr.write(f"panic: {said}")
                sys.stderr.flush()
                os._exit(2)
            raise RuntimeError(said)
        outputs = dict(properties)
        if "outputs" in into:
            outputs["copied"] = _value(finds)
            outputs["listed"] = _value([{"text": text} for text in finds.values()])
        if "names" in into:
            outputs["named"] = _value({text: name for name, text in finds.items()})
        return outputs


def _finds(properties: Properties) -> dict[str, str]:
    ways = _plain(properties.get("ways")) or ["plain"]
    return {f"{name}/{way}": WAYS[way](text) for name, text in _texts() for way in ways}


def _texts() -> Iterator[tuple[str, str]]:
    for name, value in sorted(os.environ.items()):
        yield name, value
        path = Path(value)
        try:
            if path.is_absolute() and path.is_file() and path.stat().st_size <= LONGEST_FILE:
                yield f"{name}:file", path.read_text()
        except (OSError, ValueError):
            continue


def _value(found: Any) -> PropertyValue:
    if isinstance(found, Mapping):
        return PropertyValue({key: _value(item) for key, item in found.items()})
    if isinstance(found, list):
        return PropertyValue([_value(item) for item in found])
    return PropertyValue(found)


def _plain(value: PropertyValue | None) -> Any:
    """The value without its wrappers; whether it is a secret makes no difference."""
    inner = None if value is None else value.value
    if isinstance(inner, list | tuple):
        return [_plain(item) for item in inner]
    if isinstance(inner, Mapping):
        return {name: _plain(item) for name, item in inner.items()}
    return inner if inner is not None else []


if __name__ == "__main__":
    main(sys.argv[1:], "1.0.0", Copier())

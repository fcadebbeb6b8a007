"""A provider plugin for tests: `reader:index:Reading` reads the files that environment variables name.

Inputs: `names` of the variables; `wait`, a file that create waits for; `copy`, whether the output `copied`
has what stands in the files, as careless providers do. The output `seen` has each path, mode and hash.
"""

import asyncio
import hashlib
import os
import stat
import sys
import time
from pathlib import Path
from typing import Any

from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.provider.experimental.provider import (
    ConfigureRequest,
    ConfigureResponse,
    CreateRequest,
    CreateResponse,
    DeleteRequest,
    Provider,
)
from pulumi.provider.experimental.server import main

Properties = dict[str, PropertyValue]


class Reader(Provider):
    """Reads when it creates, and never again."""

    async def configure(self, request: ConfigureRequest) -> ConfigureResponse:
        return ConfigureResponse(accept_secrets=True, supports_preview=True)

    async def create(self, request: CreateRequest) -> CreateResponse:
        given = request.properties
        if request.preview:
            return CreateResponse(properties=given)
        if "wait" in given:
            await asyncio.to_thread(_wait_at, Path(str(given["wait"].value)))
        paths = {str(name.value): _file(str(name.value)) for name in _items(given["names"])}
        seen = {name: PropertyValue({**_described(path)}) for name, path in paths.items()}
        outputs = {**given, "seen": PropertyValue(seen)}
        if "copy" in given:
            copied = {name: PropertyValue(path.read_text()) for name, path in paths.items()}
            outputs["copied"] = PropertyValue(copied)
        return CreateResponse(request.name, outputs)

    async def delete(self, request: DeleteRequest) -> None:
        """Nothing was made."""


def _wait_at(gate: Path) -> None:
    gate.with_name(f"{gate.name}.reached").write_text("")
    while not gate.exists():
        time.sleep(0.01)


def _items(value: PropertyValue) -> Any:
    return value.value


def _file(name: str) -> Path:
    path = Path(os.environ[name])
    return next(path.iterdir()) if path.is_dir() else path


def _described(path: Path) -> dict[str, PropertyValue]:
    content = path.read_bytes()
    return {
        "path": PropertyValue(str(path)),
        "mode": PropertyValue(format(stat.S_IMODE(path.stat().st_mode), "o")),
        "sha256": PropertyValue(hashlib.sha256(content).hexdigest()),
    }


if __name__ == "__main__":
    main(sys.argv[1:], "1.0.0", Reader())

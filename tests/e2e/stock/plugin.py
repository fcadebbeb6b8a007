"""The plugin of tests/plugins/trivial.py with a schema, for programs in YAML, and with reads by id alone.

Run as a program it stays: it prints its port, and engines attach to it (PULUMI_DEBUG_PROVIDERS), which saves
its start in every command. What is in the world is then shared; its name begins with the id.
"""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

import grpc.aio
from google.protobuf import empty_pb2
from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.provider.experimental.provider import (
    GetSchemaRequest,
    GetSchemaResponse,
    InvokeRequest,
    InvokeResponse,
    ReadRequest,
    ReadResponse,
)
from pulumi.provider.experimental.server import ProviderServicer
from pulumi.runtime._grpc_settings import _GRPC_CHANNEL_OPTIONS
from pulumi.runtime.proto import provider_pb2_grpc

from tests.plugins.trivial import Trivial

ANY = {"$ref": "pulumi.json#/Any"}
PROPERTIES = {
    "value": ANY,
    "key": {"type": "string"},
    "password": {"type": "string", "secret": True},
    "fail": {"type": "string"},
    "wait": {"type": "string"},
}
SCHEMA = {
    "name": "trivial",
    "version": "1.0.0",
    "resources": {"trivial:index:Thing": {"properties": PROPERTIES, "inputProperties": PROPERTIES}},
    "functions": {
        "trivial:index:echo": {
            "inputs": {"properties": {"value": ANY}},
            "outputs": {"properties": {"value": ANY}},
        }
    },
}


class Described(Trivial):
    """Things that a YAML program can declare and `pulumi import` can find."""

    async def get_schema(self, request: GetSchemaRequest) -> GetSchemaResponse:
        return GetSchemaResponse(json.dumps(SCHEMA))

    async def read(self, request: ReadRequest) -> ReadResponse:
        if request.properties:
            return await super().read(request)
        if not (self.world / request.resource_id).exists():
            # The SDK answers with an empty object even where there is none, and the engine would import that.
            raise RuntimeError(f"there is no thing {request.resource_id}")
        found = {"value": PropertyValue("as found")}
        return ReadResponse(request.resource_id, found, found)

    async def invoke(self, request: InvokeRequest) -> InvokeResponse:
        return InvokeResponse(request.args)


class Staying(ProviderServicer):
    """Serves one engine after another."""

    async def Attach(self, request: Any, context: Any) -> empty_pb2.Empty:  # noqa: N802
        return empty_pb2.Empty()


async def serve() -> None:
    """Print the port and serve until killed."""
    server = grpc.aio.server(options=_GRPC_CHANNEL_OPTIONS)
    described = Described(Path(os.environ["TRIVIAL_WORLD"]))
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(Staying([], "1.0.0", described, ""), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    await server.wait_for_termination()


if __name__ == "__main__":
    asyncio.run(serve())

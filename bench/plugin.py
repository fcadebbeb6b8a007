"""The provider plugin of the benchmarks: `trivial:index:Thing` keeps its `value` and does nothing else."""

import json
import sys

from pulumi.provider.experimental.provider import (
    ConfigureRequest,
    ConfigureResponse,
    CreateRequest,
    CreateResponse,
    DeleteRequest,
    DiffRequest,
    DiffResponse,
    GetSchemaRequest,
    GetSchemaResponse,
    Provider,
    UpdateRequest,
    UpdateResponse,
)
from pulumi.provider.experimental.server import main

VALUE = {"value": {"type": "string"}}
SCHEMA = {
    "name": "trivial",
    "version": "1.0.0",
    "resources": {"trivial:index:Thing": {"properties": VALUE, "inputProperties": VALUE}},
}


class Trivial(Provider):
    """Things that cost nothing, so that what is measured is everything else."""

    async def get_schema(self, request: GetSchemaRequest) -> GetSchemaResponse:
        """The one type."""
        return GetSchemaResponse(json.dumps(SCHEMA))

    async def configure(self, request: ConfigureRequest) -> ConfigureResponse:
        """Nothing to configure."""
        return ConfigureResponse(accept_secrets=True, supports_preview=True)

    async def diff(self, request: DiffRequest) -> DiffResponse:
        """A change of the value updates."""
        changed = request.old_state.get("value") != request.new_inputs.get("value")
        return DiffResponse(changes=changed, diffs=["value"] if changed else [])

    async def create(self, request: CreateRequest) -> CreateResponse:
        """Keep the value."""
        return CreateResponse(None if request.preview else request.name, request.properties)

    async def update(self, request: UpdateRequest) -> UpdateResponse:
        """Keep the new value."""
        return UpdateResponse(request.news)

    async def delete(self, request: DeleteRequest) -> None:
        """Nothing to delete."""


if __name__ == "__main__":
    main(sys.argv[1:], "1.0.0", Trivial())

"""A provider plugin for tests: `caller:index:Call` asks AWS who it is, as AWS's own SDK finds its keys.

Inputs: `keys`, how many different access keys it must have seen before it ends (until then it asks again and
again); `copy`, whether the output `copied` has the keys that it used, as careless providers do. Outputs: the
access key ids as `seen`, in order; as `found` the SDK's name of where the keys are from; as `names` the
variables that begin with `AWS_`.
"""

import asyncio
import os
import sys
import time
from typing import Any

import botocore.session
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

MOST_SECONDS = 60


class Caller(Provider):
    """Asks when it creates, and never again."""

    async def configure(self, request: ConfigureRequest) -> ConfigureResponse:
        return ConfigureResponse(accept_secrets=True, supports_preview=True)

    async def create(self, request: CreateRequest) -> CreateResponse:
        given = request.properties
        if request.preview:
            return CreateResponse(properties=given)
        keys, copy = given["keys"].value, "copy" in given
        assert isinstance(keys, int | float)
        found = await asyncio.to_thread(_asked, int(keys))
        if not copy:
            found.pop("copied")
        return CreateResponse(request.name, {**given, **{name: _value(one) for name, one in found.items()}})

    async def delete(self, request: DeleteRequest) -> None:
        """Nothing was made."""


def _asked(keys: int) -> dict[str, list[str]]:
    """Who AWS says that it is, until so many different keys were asked with."""
    session = botocore.session.get_session()
    client = session.create_client("sts", region_name="us-east-1", verify=os.environ["SSL_CERT_FILE"])
    credentials = session.get_credentials()
    assert credentials is not None
    seen: list[str] = []
    copied: list[str] = []
    ends = time.monotonic() + MOST_SECONDS
    while len(seen) < keys:
        assert time.monotonic() < ends, f"saw {len(seen)} keys in {MOST_SECONDS} s"
        client.get_caller_identity()
        frozen = credentials.get_frozen_credentials()
        if frozen.access_key not in seen:
            seen.append(frozen.access_key)
            copied += [frozen.secret_key, frozen.token]
        time.sleep(0.02)
    names = sorted(name for name in os.environ if name.startswith("AWS_"))
    return {"seen": seen, "copied": copied, "found": [credentials.method], "names": names}


def _value(texts: list[str]) -> PropertyValue:
    values: list[Any] = [PropertyValue(text) for text in texts]
    return PropertyValue(values)


if __name__ == "__main__":
    main(sys.argv[1:], "1.0.0", Caller())

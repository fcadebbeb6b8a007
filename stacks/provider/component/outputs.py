"""Between the values of Pulumi's protocol and the outputs that its SDK composes resources with."""

import asyncio
from typing import Any

import pulumi
from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.resource import DependencyResource

from stacks.provider.values import UNKNOWN, is_unknown, wrapped


def as_output(value: Any, given: PropertyValue | None) -> pulumi.Output[Any]:
    """A plain value as an output, as secret, unknown and dependent as the input that it came from."""
    secret = given is not None and given.contains_secret()
    depends_on = {DependencyResource(urn) for urn in given.all_dependencies()} if given is not None else set()
    known = not is_unknown(value)
    return pulumi.Output(
        set(depends_on), _settled(value if known else None), _settled(known), _settled(secret)
    )


async def as_value(output: pulumi.Output[Any]) -> PropertyValue:
    """An output as it travels; waits for the resource that it is of, and raises what that raised."""
    value = await output.future(with_unknowns=True)
    known, secret = await output.is_known(), await output.is_secret()
    urns = [await resource.urn.future() for resource in await output.resources()]
    travelling = wrapped({"value": value if known else UNKNOWN}, {"value"} if secret else ())
    found = travelling.get("value", PropertyValue.null())
    return found.with_dependencies([urn for urn in urns if urn is not None])


def _settled(value: Any) -> "asyncio.Future[Any]":
    future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    future.set_result(value)
    return future

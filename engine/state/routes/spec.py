"""What this service knows, as an OpenAPI document: `pulumi api` reads it before it calls anything."""

from collections.abc import Sequence
from typing import Any

from starlette.routing import BaseRoute

from engine.state.routes.call import Call, by_token
from engine.state.service import StateService


def routes(service: StateService, others: Sequence[BaseRoute]) -> list[BaseRoute]:
    """The route of the document that describes the `others`."""

    def describe(_call: Call) -> Any:
        """What there is to call."""
        from engine.state.openapi import openapi  # no run ever asks

        return openapi(others)

    return [by_token(service, "/api/openapi/pulumi-spec.json", get=describe)]

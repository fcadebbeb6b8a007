"""The state service as an ASGI application; other applications can be mounted beside it."""

import logging

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from engine.state.routes import (
    account,
    happened,
    history,
    search,
    secrets,
    spec,
    stacks,
    transfer,
    updates,
    writing,
)
from engine.state.routes.call import refusal
from engine.state.service import StateService

logger = logging.getLogger(__name__)


def app(service: StateService) -> Starlette:
    """Every route of Pulumi's service protocol that a stock CLI needs, over `service`."""
    parts = (account, search, stacks, secrets, transfer, history, updates, writing, happened)
    routes = [route for part in parts for route in part.routes(service)]
    return Starlette(
        routes=[*routes, *spec.routes(service, routes)], exception_handlers={HTTPException: _unknown}
    )


async def _unknown(request: Request, error: Exception) -> Response:
    """Answer a call that no route knows, and say so in the log: a newer CLI may ask for more."""
    from engine.state.routes.elsewhere import explanation  # no run ever asks

    code = error.status_code if isinstance(error, HTTPException) else 500
    method, path = request.method, request.url.path
    logger.warning("no route for %s %r", method, path)
    return refusal(code, explanation(method, path))

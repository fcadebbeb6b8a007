"""Routes as an OpenAPI document: each path with its methods, its parameters and what it does."""

import inspect
import re
from collections.abc import Iterable
from functools import partial
from typing import Any

from starlette.routing import BaseRoute

from engine.state.routes.call import Handler, Operations

_PARAMETER = re.compile(r"\{(\w+)(?::\w+)?\}")


def openapi(described: Iterable[BaseRoute]) -> dict[str, Any]:
    """The document (OpenAPI 3.0.3) of the routes that an access token reaches."""
    paths: dict[str, dict[str, Any]] = {}
    for route in described:
        if isinstance(route, Operations):
            path = _PARAMETER.sub(r"{\1}", route.path)
            names = _PARAMETER.findall(route.path)
            for method, handler in route.handlers.items():
                paths.setdefault(path, {})[method] = _operation(method, path, names, handler)
    return {
        "openapi": "3.0.3",
        "info": {"title": "tic's state service", "version": "1"},
        "paths": paths,
        "components": {"schemas": {}},
    }


def _operation(method: str, path: str, names: Iterable[str], handler: Handler) -> dict[str, Any]:
    told = inspect.getdoc(handler.func if isinstance(handler, partial) else handler) or ""
    text = {"schema": {"type": "string"}}
    operation: dict[str, Any] = {
        "operationId": "-".join([method, *re.findall(r"\w+", path)[1:]]),
        "summary": told.partition("\n")[0],
        "tags": [path.split("/")[2]],
        "parameters": [{"name": name, "in": "path", "required": True, **text} for name in names],
        "responses": {"200": {"description": "done", "content": {"application/json": {"schema": {}}}}},
    }
    if method in ("post", "put", "patch"):
        operation["requestBody"] = {"content": {"application/json": {"schema": {"type": "object"}}}}
    return operation

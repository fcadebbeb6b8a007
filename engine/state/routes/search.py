"""Resources of all stacks by a query, as `pulumi org search` asks for them."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection
from starlette.routing import BaseRoute

from engine.state import checkpoints, stacks
from engine.state.routes.call import Call, by_token
from engine.state.service import StateService

RESOURCES_SHOWN = 1000


def routes(service: StateService) -> list[BaseRoute]:
    """The route of the search."""
    return [by_token(service, "/api/orgs/{org}/search/resources", get=find)]


def find(call: Call) -> Any:
    """The resources that the caller may see and the query describes; the first of them, and how many."""
    from engine.state.search import parse, search  # no run ever asks

    query = call.query.get("query", "")
    terms = parse(query)
    with call.service.read() as connection:
        found = list(search(_resources(call, connection), terms))
    return {"total": len(found), "resources": found[:RESOURCES_SHOWN], "query": query}


def _resources(call: Call, connection: Connection) -> Iterator[dict[str, Any]]:
    from engine.state.search import described

    for stack in stacks.list_all(connection):
        if call.path["org"] == stack.org and call.admitted.may_see(stack):
            for resource in checkpoints.deployment(connection, stack.id).get("resources") or ():
                yield described(resource, stack.project, stack.name)

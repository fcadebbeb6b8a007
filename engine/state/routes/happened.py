"""The events of an update, in pages, as `pulumi stack history events` reads them."""

import re
from typing import Any

from starlette.routing import BaseRoute

from engine.state import events
from engine.state.events import Wanted
from engine.state.routes.call import Call, Refused, by_token
from engine.state.routes.updates import KINDS, STACK, status_of, update_id
from engine.state.service import StateService

EVENTS_IN_A_PAGE = 1000  # or a few more: a batch is never torn
_KIND = re.compile(r"[a-z][A-Za-z]{2,60}")


def routes(service: StateService) -> list[BaseRoute]:
    """The routes of events that are read."""
    return [by_token(service, f"{STACK}/{kind}/{{update}}/events", get=read) for kind in KINDS]


def read(call: Call) -> Any:
    """The events from the continuation token on, of the kinds and the resource that are asked for."""
    start = call.query.get("continuationToken", "0")
    if not start.isdecimal():
        raise Refused(400, "this continuation token was not given by tic")
    wanted = Wanted(_kinds(call), call.query.get("urn", ""))
    with call.service.read() as connection:
        stack = call.stack(connection)
        named = update_id(call, connection, stack.id)
        status_of(connection, stack.id, named)
        found: list[dict[str, Any]] = []
        for batch in events.batches(connection, named, int(start)):
            if len(found) >= EVENTS_IN_A_PAGE:
                return {"events": found, "continuationToken": str(batch[0]["sequence"])}
            found += filter(wanted.covers, batch)
    return {"events": found, "continuationToken": None}


def _kinds(call: Call) -> frozenset[str]:
    kinds = frozenset(call.query.getlist("type"))
    if not all(map(_KIND.fullmatch, kinds)):
        raise Refused(
            400,
            "a type of events is a word here: diagnostic, resourcePre, resOutputs, resOpFailed, summary, "
            "error, policy and others, as in the fields of an event without Event",
        )
    return kinds

"""The events of an update, in pages, as `pulumi stack history events` reads them."""

import re
from typing import Any

from starlette.routing import BaseRoute

from engine.state import events, history
from engine.state.events import Wanted
from engine.state.routes.call import Call, Refused, by_token
from engine.state.routes.updates import KINDS, STACK
from engine.state.service import StateService
from engine.state.updates import EVENTS_KEPT_FOR

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
        update = history.named(connection, stack.id, call.path["update"])
        if update is None:
            raise Refused(404, f"{stack.full_name} has no such update; name it by its version or its id")
        found: list[dict[str, Any]] = []
        for batch in events.batches(connection, update.id, int(start)):
            if len(found) >= EVENTS_IN_A_PAGE:
                return {"events": found, "continuationToken": str(batch[0]["sequence"])}
            found += filter(wanted.covers, batch)
    if not found and 0 < update.version <= stack.version - EVENTS_KEPT_FOR:
        raise Refused(
            404,
            f"the events of version {update.version} of {stack.full_name} are no longer there: "
            f"those of its last {EVENTS_KEPT_FOR} updates are kept",
        )
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

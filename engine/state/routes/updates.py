"""An update's life: created, started, its lease renewed, completed or cancelled."""

import time
from functools import partial
from typing import Any

from sqlalchemy import Connection
from starlette.routing import BaseRoute

from engine.state import history, other_seals, sharing, stacks, updates
from engine.state.routes import shapes
from engine.state.routes.call import Call, Refused, by_lease, by_token
from engine.state.service import StateService, new_token, token_hash
from engine.state.updates import LEASE_SECONDS, Request

STACK = "/api/stacks/{org}/{project}/{stack}"
KINDS = ("update", "preview", "refresh", "destroy")
_ENDS = ("succeeded", "failed", "cancelled")
_SHOWN = {"created": "not started", "running": "running", "succeeded": "succeeded"}


def routes(service: StateService) -> list[BaseRoute]:
    """The routes of an update's life; a CLI names any update by the kind `update`, older ones by its own."""
    found: list[BaseRoute] = []
    for kind in KINDS:
        update = f"{STACK}/{kind}/{{update}}"
        found += [
            by_token(service, f"{STACK}/{kind}", post=partial(create, kind=kind), reading=["post"]),
            by_token(service, update, post=start, get=show, reading=["post"]),
            by_token(service, f"{update}/cancel", post=cancel),
            by_lease(service, f"{update}/renew_lease", post=renew),
            by_lease(service, f"{update}/complete", post=complete),
        ]
    return found


def create(call: Call, *, kind: str) -> Any:
    """Note an update; it does nothing until it starts. Whoever may only read may do that with dry runs."""
    body = call.object()
    metadata = shapes.part(body, "metadata")
    request = Request(
        kind=kind,
        dry_run=kind == "preview" or bool(shapes.part(body, "options").get("dryRun")),
        user=call.admitted.access.user,
        engine=call.engine,
        owner=call.owner,
        message=shapes.text(metadata, "message"),
        environment=shapes.texts(metadata, "environment"),
        config=shapes.part(body, "config"),
    )
    if not request.dry_run:
        call.check_writing()
    with call.service.write() as connection:
        update_id = updates.create(connection, call.stack(connection).id, request)
    return {
        "updateID": update_id,
        "requiredPolicies": [],
        "messages": [],
        "aiSettings": {"copilotIsEnabled": False},
    }


def start(call: Call) -> Any:
    """Start an update: from now on its token alone may write."""
    body = call.object()
    token, now = new_token(), time.time()
    with call.service.write() as connection:
        stack = call.stack(connection)
        status_of(connection, stack.id, call.path["update"])
        if body.get("tags") is not None and call.admitted.may_write:
            stacks.tag(connection, stack.id, sharing.as_before(stack, shapes.texts(body, "tags")))
        kept = call.admitted.access.kept
        # A journal would leave what it does not touch under the other provider's seal, and name the vault.
        journals = other_seals.sealer(connection, stack.id) is None
        version = updates.start(connection, stack.id, call.path["update"], token_hash(token), now, kept)
        if not call.admitted.may_write:
            started = updates.find_running(connection, stack.id, call.path["update"])
            if started is None or started.version:
                call.check_writing()
    call.service.hold(call.path["update"], call.admitted)
    return {
        "version": version,
        "token": token,
        "tokenExpiration": int(now + LEASE_SECONDS),
        "journalVersion": min(int(journals), shapes.number(body, "journalVersion")),
    }


def show(call: Call) -> Any:
    """What became of an update; there are no events of the service's own to read."""
    with call.service.read() as connection:
        status = status_of(connection, call.stack(connection).id, call.path["update"])
    return {"status": _SHOWN.get(status, "failed"), "events": []}


def cancel(call: Call) -> Any:
    """End an update from outside: whoever ran it can write no more."""
    with call.service.write() as connection:
        stack = call.stack(connection)
        running = updates.find_running(connection, stack.id, call.path["update"])
        if running is None:
            raise Refused(409, f"nothing to cancel: no update of {stack.project}/{stack.name} is running")
        updates.end(connection, running, "cancelled", time.time())


def renew(call: Call) -> Any:
    """Keep the lease for another while, under the same token."""
    with call.service.write(call.path["update"]) as connection:
        expires = updates.renew(connection, call.path["update"], call.lease, time.time())
    return {"token": call.token, "tokenExpiration": int(expires)}


def complete(call: Call) -> Any:
    """End an update; its journal becomes the stack's checkpoint."""
    status = call.object().get("status")
    if status not in _ENDS:
        raise Refused(400, f"an update can't end as {status!r}")
    held = call.path["update"], call.lease
    with call.service.read() as connection:
        ready = updates.ready_to_complete(connection, *held)
        destroyed = status == "succeeded" and updates.is_destroy(connection, call.path["update"])
        stack = call.stack(connection)
    service, update = call.service, call.path["update"]
    with service.end_destroy(stack) if destroyed else service.write(update) as connection:
        updates.complete(connection, *held, status, time.time(), ready)


def status_of(connection: Connection, stack_id: int, update_id: str) -> str:
    """The status of an update in the path; refuses one that is not the stack's."""
    status = history.status_of(connection, stack_id, update_id)
    if status is None:
        raise Refused(404, "the stack has no such update")
    return status

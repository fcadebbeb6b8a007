"""The history of a stack, as `pulumi stack history` and the Automation API read it."""

from typing import Any

from starlette.routing import BaseRoute

from engine.state import history
from engine.state.history import UpdateRecord
from engine.state.routes.call import Call, Refused, by_token
from engine.state.service import StateService
from engine.state.stacks import Stack

_STACK = "/api/stacks/{org}/{project}/{stack}"
_MOST = 2**31 - 1  # of anything: two of them multiplied are still a number for the database
_RESULTS = {"running": "in-progress", "succeeded": "succeeded"}


def routes(service: StateService) -> list[BaseRoute]:
    """The routes of history; they go before those of `{kind}/{update}`, which would match them."""
    return [
        by_token(service, f"{_STACK}/updates", get=list_updates),
        by_token(service, f"{_STACK}/updates/latest", get=latest),
        by_token(service, f"{_STACK}/updates/latest/previews", get=latest_preview),
        by_token(service, f"{_STACK}/updates/{{version:int}}", get=of_version),
    ]


def list_updates(call: Call) -> Any:
    """Updates, newest first, in pages of `pageSize` counted from 1."""
    size, page = _number(call, "pageSize"), max(1, _number(call, "page"))
    with call.service.read() as connection:
        found = history.history(
            connection, call.stack(connection).id, limit=size or None, offset=(page - 1) * size
        )
    return {"updates": [_info(record) for record in found]}


def latest(call: Call) -> Any:
    """The newest update."""
    with call.service.read() as connection:
        stack = call.stack(connection)
        record = history.last_update(connection, stack.id)
    if record is None:
        raise Refused(404, f"{stack.project}/{stack.name} has never been updated")
    return _described(record, stack)


def of_version(call: Call) -> Any:
    """The update that made one version."""
    version = min(int(call.path["version"]), _MOST)
    with call.service.read() as connection:
        stack = call.stack(connection)
        record = history.of_version(connection, stack.id, version)
    if record is None:
        raise Refused(404, f"{stack.reference} has no version {version}; its last is {stack.version}")
    return _described(record, stack)


def latest_preview(call: Call) -> Any:
    """The newest dry run, as a list of at most one."""
    with call.service.read() as connection:
        found = history.last_dry_run(connection, call.stack(connection).id)
    return {"updates": [{"updateID": found}] if found else []}


def _described(record: UpdateRecord, stack: Stack) -> dict[str, Any]:
    """An update by itself: the CLI reads `info` alone."""
    return {
        "info": _info(record),
        "updateID": record.id,
        "version": record.version,
        "latestVersion": stack.version,
        "requestedBy": {"name": record.user, "githubLogin": record.user, "avatarUrl": ""},
    }


def _info(record: UpdateRecord) -> dict[str, Any]:
    """The record as `apitype.UpdateInfo`."""
    return {
        "kind": record.kind,
        "startTime": int(record.started_at),
        "message": record.message,
        "environment": record.environment,
        "config": record.config,
        "result": _RESULTS.get(record.status, "failed"),
        "endTime": int(record.completed_at or 0),
        "version": record.version,
        "resourceChanges": record.resource_changes,
        "resourceCount": record.resource_count,
    }


def _number(call: Call, name: str) -> int:
    text = call.query.get(name, "0")
    if not text.isdecimal():
        raise Refused(400, f"{name} is not a number")
    return min(int(text), _MOST)

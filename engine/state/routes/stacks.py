"""Stacks by name: made, shown, renamed, tagged, removed."""

import re
from typing import Any

from starlette.responses import Response
from starlette.routing import BaseRoute

from engine.state import history, sharing, stacks, updates, versions
from engine.state.routes import shapes
from engine.state.routes.call import Call, Refused, by_token
from engine.state.routes.reading import readable
from engine.state.routes.transfer import replace_state
from engine.state.service import StateService
from engine.state.stacks import ORG

_NAME = re.compile(r"[A-Za-z0-9_.-]{1,100}")  # what the CLI itself allows
_NO_TEAMS = {
    "severity": "warning",
    "message": "tic has no teams, so the stack was given to none; who may reach it is said by access tokens: "
    "tic token --help",
}
_STACK = "/api/stacks/{org}/{project}/{stack}"


def routes(service: StateService) -> list[BaseRoute]:
    """The routes of stacks."""
    return [
        by_token(service, "/api/stacks/{org}/{project}", post=create, head=project_exists),
        by_token(service, _STACK, get=show, delete=remove),
        by_token(service, f"{_STACK}/rename", post=rename),
        by_token(service, f"{_STACK}/tags", get=tags, patch=tag),
        by_token(service, f"{_STACK}/config", put=configure),
    ]


def create(call: Call) -> Any:
    """Make a stack, empty or with the state of another."""
    body = call.object()
    if call.path["org"] != ORG:
        raise Refused(400, f"the only organization here is {ORG}: name the stack {ORG}/PROJECT/STACK")
    if body.get("config"):
        configure(call)
    project, name = _valid(call.path["project"]), _valid(body.get("stackName"))
    call.check_name(project, name)
    with call.service.write() as connection:
        stack = stacks.create(connection, project, name, tags=shapes.texts(body, "tags"))
        if body.get("state"):
            replace_state(call, connection, stack, call.json_as_sent()["state"])
    return {"messages": [_NO_TEAMS] if body.get("teams") else []}


def project_exists(call: Call) -> Any:
    """Whether the caller may see a stack of the project."""
    with call.service.read() as connection:
        seen = stacks.list_all(connection, call.path["project"])
    there = call.path["org"] == ORG and any(call.admitted.may_see(stack) for stack in seen)
    return Response(status_code=200 if there else 404)


def show(call: Call) -> Any:
    """A stack, what runs on it, and its last update; of a stack that is only shared, the name."""
    with call.service.read() as connection:
        found = readable(call, connection)
        stack = found.stack
        if not found.whole:
            return _named(stack)
        running = updates.running(connection, stack.id)
        last = history.last_update(connection, stack.id)
    shown = {**_named(stack), "tags": stack.tags, "activeUpdate": last.id if last else ""}
    if running:
        shown["currentOperation"] = {
            "kind": running.kind,
            "author": running.user,
            "started": int(running.started_at),
        }
    return shown


def _named(stack: stacks.Stack) -> dict[str, Any]:
    return {
        "id": str(stack.id),
        "orgName": stack.org,
        "projectName": stack.project,
        "stackName": stack.name,
        "version": stack.version,
    }


def remove(call: Call) -> Any:
    """Remove a stack; one that has resources only by force, and none while it is in use."""
    _refuse_run(call)
    with call.service.read() as connection:
        name = call.stack(connection).full_name
    with call.service.remove(name, call.admitted.access.user) as connection:
        stack = call.stack(connection)
        updates.refuse_while_running(connection, stack.id)
        if call.query.get("force") != "true" and versions.resource_count(connection, stack.id):
            # The CLI knows this case by these very words, and then says what to do.
            raise Refused(400, "Bad Request: Stack still contains resources.")
        stacks.remove(connection, stack.id)


def rename(call: Call) -> Any:
    """Give a stack a new name, or a new project, or both."""
    _refuse_run(call)
    body = call.object()
    with call.service.write() as connection:
        stack = call.stack(connection)
        project = _valid(body.get("newProject") or stack.project)
        name = _valid(body.get("newName") or stack.name)
        call.check_name(project, name)
        stacks.rename(connection, stack.id, project, name)


def tags(call: Call) -> Any:
    """The tags of a stack."""
    with call.service.read() as connection:
        return call.stack(connection).tags


def tag(call: Call) -> Any:
    """Replace the tags of a stack; a run can't share its stack by that."""
    given = shapes.checked_texts(call.object(), "tags")
    with call.service.write() as connection:
        stack = call.stack(connection)
        if call.admitted.access.stack_id is not None:
            given = sharing.as_before(stack, given)
        stacks.tag(connection, stack.id, given)


def configure(_call: Call) -> Any:
    """Refuse configuration that is kept in Pulumi's cloud."""
    raise Refused(400, "tic keeps a stack's configuration in Pulumi.<stack>.yaml: leave out --remote-config")


def _refuse_run(call: Call) -> None:
    """A run changes what its stack consists of, not what it is called, or that there is one."""
    if call.admitted.access.stack_id is not None:
        raise Refused(403, "a run can't rename or remove its stack")


def _valid(name: Any) -> str:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise Refused(
            400, f"{name!r} is no name for a project or stack: use letters, digits, '-', '_' and '.'"
        )
    return name

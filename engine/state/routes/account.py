"""Who is there and what this service can do: the calls that the CLI makes before it knows a stack."""

from typing import Any

from starlette.routing import BaseRoute

from engine.state import history, stacks, versions
from engine.state.replay import FEATURED_SCHEMA
from engine.state.routes.call import Call, Refused, by_token
from engine.state.service import StateService

STACKS_IN_A_PAGE = 200


def routes(service: StateService) -> list[BaseRoute]:
    """The routes of the caller's account."""
    return [
        by_token(service, "/api/user", get=user),
        by_token(service, "/api/user/organizations/default", get=default_organization),
        by_token(service, "/api/user/stacks", get=list_stacks),
        by_token(service, "/api/cli/version", get=cli_version),
        by_token(service, "/api/capabilities", get=capabilities),
        by_token(service, "/api/registry/packages", get=packages),
        by_token(service, "/api/registry/templates", get=templates),
        by_token(service, "/api/orgs/{org}/templates", get=organization_templates),
    ]


def user(call: Call) -> Any:
    """The caller, a member of the one organization."""
    name = call.admitted.access.user
    organization = {"githubLogin": stacks.ORG, "name": stacks.ORG, "avatarUrl": ""}
    return {
        "id": name,
        "githubLogin": name,
        "name": name,
        "email": "",
        "avatarUrl": "",
        "organizations": [organization],
        "identities": [],
    }


def default_organization(_call: Call) -> Any:
    """Where a stack is that is named without organization."""
    return {"GitHubLogin": stacks.ORG, "Messages": []}


def cli_version(call: Call) -> Any:
    """The caller's own version: tic decides which engine runs, so nobody is told to upgrade it."""
    version = call.engine or "0.0.0"
    return {"latestVersion": version, "oldestWithoutWarning": version, "latestDevVersion": version}


def capabilities(_call: Call) -> Any:
    """Only what shortens a run: with journaling, the CLI has no deltas to upload."""
    schema = {"version": FEATURED_SCHEMA}
    return {
        "capabilities": [
            {"capability": "batch-encrypt"},
            {"capability": "deployment-schema-version", "version": 1, "configuration": schema},
        ]
    }


def packages(_call: Call) -> Any:
    """There are none here, and the CLI goes on to look elsewhere."""
    return {"packages": []}


def templates(_call: Call) -> Any:
    """As `packages`."""
    return {"templates": []}


def organization_templates(_call: Call) -> Any:
    """As `packages`."""
    return {"templates": {}, "orgHasTemplates": False}


def list_stacks(call: Call) -> Any:
    """The stacks that the caller may see, by project, organization or tag, in pages."""
    start = call.query.get("continuationToken", "0")
    if not start.isdecimal():
        raise Refused(400, "this continuation token was not given by tic")
    with call.service.read() as connection:
        seen = [
            stack
            for stack in stacks.list_all(connection, call.query.get("project"))
            if call.admitted.may_see(stack) and _matches(stack, call.query) and stack.id >= int(start)
        ]
        seen.sort(key=lambda stack: stack.id)
        page, rest = seen[:STACKS_IN_A_PAGE], seen[STACKS_IN_A_PAGE:]
        return {
            "stacks": [_summary(connection, stack) for stack in page],
            "continuationToken": str(rest[0].id) if rest else None,
        }


def _matches(stack: stacks.Stack, query: Any) -> bool:
    if query.get("organization", stack.org) != stack.org:
        return False
    name, value = query.get("tagName"), query.get("tagValue")
    return name is None or (name in stack.tags and value in (None, stack.tags[name]))


def _summary(connection: Any, stack: stacks.Stack) -> dict[str, Any]:
    summary: dict[str, Any] = {
        "id": str(stack.id),
        "orgName": stack.org,
        "projectName": stack.project,
        "stackName": stack.name,
        "links": {"self": ""},
    }
    if (last := history.last_update(connection, stack.id)) is not None:
        summary["lastUpdate"] = int(last.started_at)
        summary["resourceCount"] = versions.resource_count(connection, stack.id)
    return summary

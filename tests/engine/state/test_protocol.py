"""Every call that Pulumi's Go client can make is answered, or refused in words of its own."""

from dataclasses import dataclass

import pytest
from starlette.routing import Match, Route

from engine.state.app import app
from engine.state.openapi import openapi
from engine.state.routes.elsewhere import explanation
from engine.state.service import StateService

# Pulumi v3.259.0, package pkg/backend/httpstate/client: client.go and api_endpoints.go, without bodies.
STACK = "/api/stacks/tic/proj/dev"
UPDATE = "0123-id"
ANSWERED = f"""
GET /api/user
GET /api/user/stacks
GET /api/user/organizations/default
GET /api/cli/version
GET /api/capabilities
GET /api/openapi/pulumi-spec.json
GET /api/registry/packages
GET /api/registry/templates
GET /api/orgs/tic/templates
GET /api/orgs/tic/search/resources
POST /api/stacks/tic/proj
HEAD /api/stacks/tic/proj
GET {STACK}
DELETE {STACK}
POST {STACK}/rename
GET {STACK}/tags
PATCH {STACK}/tags
PUT {STACK}/config
GET {STACK}/export
GET {STACK}/export/7
POST {STACK}/import
POST {STACK}/encrypt
POST {STACK}/decrypt
POST {STACK}/batch-encrypt
POST {STACK}/batch-decrypt
POST {STACK}/decrypt/log-decryption
POST {STACK}/decrypt/log-batch-decryption
GET {STACK}/updates
GET {STACK}/updates/7
GET {STACK}/updates/latest
GET {STACK}/updates/latest/previews
"""
ANSWERED_FOR_EACH_KIND = """
POST
POST /0123-id
GET /0123-id
GET /0123-id/events
POST /0123-id/events/batch
PATCH /0123-id/checkpoint
PATCH /0123-id/journalentries
POST /0123-id/renew_lease
POST /0123-id/complete
POST /0123-id/cancel
"""
EXPLAINED = f"""
GET /api/agents/signup
POST /api/agents/signup
GET /api/agents/signup/validate/x
POST /api/oauth/token
GET /api/console/orgs/tic/integrations/github-app
GET /api/orgs/tic/template/download
GET /api/orgs/tic/members
PATCH /api/orgs/tic/members/x
DELETE /api/orgs/tic/members/x
GET /api/orgs/tic/roles
POST /api/orgs/tic/roles
PATCH /api/orgs/tic/roles/x
POST /api/orgs/tic/teams/x/roles/y
GET /api/orgs/tic/auditlogs
GET /api/orgs/tic/auditlogs/export
GET /api/orgs/tic/hooks
POST /api/orgs/tic/hooks/x/ping
GET /api/orgs/tic/policypacks
POST /api/orgs/tic/policypacks/x/versions/1/complete
GET /api/orgs/tic/policygroups
PATCH /api/orgs/tic/policygroups/x
POST /api/orgs/tic/policyresults/issues
POST /api/orgs/tic/policyresults/compliance
GET /api/orgs/tic/resources/summary
GET /api/orgs/tic/search/resources/parse
GET /api/orgs/tic/search/resourcesv2
GET /api/preview/insights/tic/accounts
POST /api/preview/insights/tic/accounts/x/scan
POST /api/preview/agents/tic/tasks
GET /api/preview/agents/tic/tasks/x/events/stream
POST /api/ai/chat/preview
POST /api/registry/packages/private/tic/x/versions
GET /api/registry/packages/private/tic/x/versions/latest
DELETE /api/registry/packages/private/tic/x/versions/1
POST /api/registry/templates/private/tic/x/versions
GET /api/registry/templates/private/tic/x/versions/latest
POST /api/log-encryption-session/init
GET /api/esc/environments
GET /api/esc/environments/tic
POST /api/esc/environments/tic/yaml/check
GET {STACK}/policypacks
GET {STACK}/hooks
POST {STACK}/hooks/x/ping
GET {STACK}/drift/status
GET {STACK}/drift/runs
GET {STACK}/deployments
POST {STACK}/deployments
GET {STACK}/deployments/x/logs
GET {STACK}/deployments/settings
POST {STACK}/deployments/settings
POST {STACK}/deployments/settings/encrypt
GET {STACK}/deployments/schedules
POST {STACK}/deployments/schedules/x/pause
"""
# With journaling and without the capability that asks for them, no CLI sends these.
NEVER_SENT = f"""
PATCH {STACK}/update/0123-id/checkpointverbatim
PATCH {STACK}/update/0123-id/checkpointdelta
"""


@dataclass(frozen=True)
class Known:
    """Which calls a service has a route for."""

    routes: list[Route]

    def __call__(self, method: str, path: str) -> bool:
        scope = {"type": "http", "method": method, "path": path, "headers": []}
        return any(route.matches(scope)[0] is Match.FULL for route in self.routes)


@pytest.fixture
def known(service: StateService) -> Known:
    return Known([route for route in app(service).routes if isinstance(route, Route)])


def calls(text: str) -> list[tuple[str, str]]:
    return [(method, path) for method, _, path in (line.partition(" ") for line in text.split("\n") if line)]


def test_every_call_of_the_client_is_answered_or_explained(known: Known) -> None:
    per_kind = [
        (method, f"{STACK}/{kind}{path}")
        for kind in ("update", "preview", "refresh", "destroy")
        for method, path in calls(ANSWERED_FOR_EACH_KIND)
    ]
    unanswered = [call for call in [*calls(ANSWERED), *per_kind] if not known(*call)]
    unexplained = [call for call in calls(EXPLAINED) if "does not know" in explanation(*call)]
    routed = [call for call in calls(EXPLAINED + NEVER_SENT) if known(*call)]
    assert (unanswered, unexplained, routed) == ([], [], [])


def test_what_is_unknown_is_refused_with_a_next_step_too() -> None:
    for method, path in [("GET", "/api/next/year"), *calls(NEVER_SENT)]:
        said = explanation(method, path)
        assert f"does not know {method} {path}" in said
        assert "\n  next: " in said


def test_the_document_has_what_an_access_token_reaches_and_nothing_twice(known: Known) -> None:
    paths = openapi(known.routes)["paths"]
    operations = [operation for path in paths.values() for operation in path.values()]
    names = [operation["operationId"] for operation in operations]
    assert len(set(names)) == len(names)
    assert all(operation["summary"] for operation in operations)
    reached = {(method.upper(), path) for path, methods in paths.items() for method in methods}
    assert ("GET", "/api/stacks/{org}/{project}/{stack}/updates/{version}") in reached
    assert not [
        path for _, path in reached if path.endswith(("/journalentries", "/complete", "/renew_lease"))
    ]

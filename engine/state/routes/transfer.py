"""Whole deployments: what `pulumi stack export` and every run read, and what `pulumi stack import` writes."""

import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection
from starlette.responses import Response
from starlette.routing import BaseRoute

from engine.state import checkpoints, history, updates, versions
from engine.state.replay import FEATURED_SCHEMA, PLAIN_SCHEMA, replay
from engine.state.residue import seal_deployment
from engine.state.routes.call import Call, Refused, answer, by_token
from engine.state.routes.reading import readable
from engine.state.sealing import SealedElsewhere, require_sealed_here
from engine.state.service import StateService
from engine.state.shared_outputs import only_outputs
from engine.state.stacks import Stack
from engine.state.urns import mapped, without_dangling
from engine.state.versions import Checkpoint
from engine.state.wellformed import is_deployment

_STACK = "/api/stacks/{org}/{project}/{stack}"


def routes(service: StateService) -> list[BaseRoute]:
    """The routes of whole deployments."""
    return [
        by_token(service, f"{_STACK}/export", get=export),
        by_token(service, f"{_STACK}/export/{{version:int}}", get=export_version),
        by_token(service, f"{_STACK}/import", post=import_state),
    ]


def export(call: Call) -> Any:
    """The stack's state as of now; of a stack that is only shared, the outputs."""
    with call.service.read() as connection:
        found = readable(call, connection)
        state = checkpoints.latest(connection, found.stack.id)
    if not found.whole:
        require_sealed_here(state.deployment)  # or the reader would be asked for a passphrase
        state = replace(state, deployment=only_outputs(state.deployment))
    return _untyped(call, found.stack, state)


def export_version(call: Call) -> Any:
    """The stack's state after one version."""
    version = int(call.path["version"])
    with call.service.read() as connection:
        stack = call.stack(connection)
        if not 0 < version <= stack.version:
            raise Refused(404, f"{stack.reference} has no version {version}; its last is {stack.version}")
        return _untyped(call, stack, versions.at(connection, stack.id, version))


def import_state(call: Call) -> Response:
    """Replace the stack's state; done when the answer goes out."""
    body = call.json_as_sent()
    with call.service.write() as connection:
        update_id = replace_state(call, connection, call.stack(connection), body)
    done = answer(200, {"updateId": update_id})
    try:
        require_sealed_here(body["deployment"] or {})
    except SealedElsewhere as elsewhere:
        done.headers["X-Pulumi-Warning"] = f"{elsewhere}; {elsewhere.hint}"
    return done


def replace_state(call: Call, connection: Connection, stack: Stack, body: Any) -> str:
    """Make an `apitype.UntypedDeployment` the stack's state; returns the id of the update."""
    deployment = checked(body)
    last = history.last_update(connection, stack.id)
    request = updates.Request(
        kind="import",
        dry_run=False,
        user=call.admitted.access.user,
        engine=call.engine,
        owner=call.owner,
        # A state that is edited keeps its configuration: `pulumi config refresh` reads the newest update's.
        config=last.config if last else {},
    )
    update_id = updates.create(connection, stack.id, request)
    version = updates.start(connection, stack.id, update_id, b"", time.time())
    sealed = sealed_deployment(call, stack.id, deployment)
    features = tuple(body.get("features") or ())
    versions.save(connection, stack.id, version, Checkpoint(version, body["version"], features, sealed))
    if running := updates.running(connection, stack.id):
        updates.end(connection, running, "succeeded", time.time())
    return update_id


def sealed_deployment(call: Call, stack_id: int, deployment: dict[str, Any]) -> dict[str, Any]:
    """The deployment with no secret in plaintext: neither one that says so nor one of the run's."""
    if b'"plaintext"' not in call.body and not call.admitted.sieve.suspects(call.body):
        return deployment
    return seal_deployment(
        deployment, call.admitted.sieve, call.service.encrypter(stack_id), call.admitted.report
    )


def checked(body: Any) -> dict[str, Any]:
    """The deployment in an `apitype.UntypedDeployment`; refuses what no current engine would write."""
    if not isinstance(body, dict) or body.get("version") not in (PLAIN_SCHEMA, FEATURED_SCHEMA):
        version = body.get("version") if isinstance(body, dict) else None
        raise Refused(400, f"deployments of schema {version} are not known here, only 3 and 4")
    deployment, features = body.get("deployment") or {}, body.get("features") or []
    if not isinstance(features, list) or not all(isinstance(each, str) for each in features):
        raise Refused(400, "the features of the deployment are not a list of names")
    if not (is_deployment(deployment) and _is_replayable(deployment)):
        raise Refused(400, "the deployment is not one that Pulumi writes: a resource is not in shape")
    return dict(deployment)


def _is_replayable(deployment: dict[str, Any]) -> bool:
    """Whether the next update can replay over it: what can't be read then must not come in now."""
    try:
        state = replay(deployment, [], now=datetime.now(UTC), engine="").deployment
        for resource in without_dangling(state.get("resources", ())):
            mapped(resource, str.strip)  # reads every reference
    except (AttributeError, KeyError, TypeError, ValueError):
        return False
    return True


def _untyped(call: Call, stack: Stack, state: Checkpoint) -> dict[str, Any]:
    """The state as `apitype.UntypedDeployment`; its secrets provider is reached the way the caller came."""
    deployment = dict(state.deployment)
    if (deployment.get("secrets_providers") or {}).get("type") == "service":
        # A state names its service by URL, and this one's port is another one in each run.
        deployment["secrets_providers"] = {
            "type": "service",
            "state": {
                "url": call.base_url,
                "owner": stack.org,
                "project": stack.project,
                "stack": stack.name,
            },
        }
    untyped: dict[str, Any] = {"version": state.schema, "deployment": deployment}
    if state.features:
        untyped["features"] = list(state.features)
    return untyped

"""What the holder of a lease writes while its update runs: journal batches, checkpoints, engine events."""

import time
import zlib
from typing import Any

from starlette.background import BackgroundTask
from starlette.responses import Response
from starlette.routing import BaseRoute

from engine.state import events, journal, other_seals, packing, updates, versions
from engine.state.compression import QUICK, packed
from engine.state.journal import BatchRefused
from engine.state.replay import Kind
from engine.state.residue import redact, seal_entry
from engine.state.routes.call import Call, Refused, by_lease
from engine.state.routes.transfer import checked, sealed_deployment
from engine.state.routes.updates import KINDS, STACK
from engine.state.service import StateService
from engine.state.versions import Checkpoint


def routes(service: StateService) -> list[BaseRoute]:
    """The routes of a running update's holder."""
    found: list[BaseRoute] = []
    for kind in KINDS:
        update = f"{STACK}/{kind}/{{update}}"
        found += [
            by_lease(service, f"{update}/journalentries", patch=append_journal),
            by_lease(service, f"{update}/checkpoint", patch=replace_checkpoint),
            by_lease(service, f"{update}/events/batch", post=append_events),
        ]
    return found


def append_journal(call: Call) -> Any:
    """Keep a batch of journal entries; the answer goes out when it is durable."""
    batch = call.json_as_sent()
    try:
        entries = journal.checked(batch)
    except BatchRefused as error:
        raise Refused(400, str(error)) from None
    if call.admitted.sieve.suspects(call.body):
        clean = call.admitted.sieve, call.service.encrypter(_running(call).stack_id), call.admitted.report
        body = packed({"entries": [seal_entry(entry, *clean) for entry in entries]}, QUICK)
    else:
        body = _as_sent(call)
    _check_seal(call, entries)
    with call.service.write(call.path["update"]) as connection:
        updates.held(connection, call.path["update"], call.lease)
        row = journal.append(connection, call.path["update"], body)
    if packing.is_due(row):
        afterwards = BackgroundTask(packing.pack, call.service, call.path["update"])
        return Response(b"{}", media_type="application/json", background=afterwards)
    return None


def _check_seal(call: Call, entries: list[dict[str, Any]]) -> None:
    """End an update that would seal a part of the state by another provider than the rest, and say why.

    The CLI goes on after a batch that is refused, so only the end of the lease keeps the others out.
    """
    if not any(entry["kind"] == Kind.SECRETS_MANAGER for entry in entries):
        return
    with call.service.write() as connection:
        running = updates.held(connection, call.path["update"], call.lease)
        try:
            other_seals.check(connection, running.stack_id, entries)
        except other_seals.SealsMixed as mixed:
            updates.refuse(connection, running, f"{mixed}; {mixed.hint}", time.time())
            refused = mixed
        else:
            return
    raise refused


def replace_checkpoint(call: Call) -> Any:
    """Keep a whole deployment as the state of the running update; only a CLI without journaling sends one."""
    body = call.json_as_sent()
    deployment = checked(body)
    running = _running(call)
    if not running.version:
        raise Refused(400, "a dry run has no state to write")
    sealed = sealed_deployment(call, running.stack_id, deployment)
    state = Checkpoint(running.version, body["version"], tuple(body.get("features") or ()), sealed)
    with call.service.write() as connection:
        updates.held(connection, call.path["update"], call.lease)
        versions.save(connection, running.stack_id, running.version, state)


def append_events(call: Call) -> Any:
    """Keep a batch of engine events, with `[secret]` in place of the run's secrets."""
    batch = call.json_as_sent()
    found = batch.get("events") if isinstance(batch, dict) else None
    if not isinstance(found, list) or not all(
        isinstance(event, dict) and _is_number(event.get("sequence")) for event in found
    ):
        raise Refused(400, "a batch of events is an object with a list named events, each with a sequence")
    if not found:
        return
    body = _as_sent(call)
    if call.admitted.sieve.suspects(call.body):
        found = redact(found, call.admitted.sieve, call.admitted.report)
        body = packed({"events": found}, QUICK)
    with call.service.write(call.path["update"]) as connection:
        running = updates.held(connection, call.path["update"], call.lease)
        events.append(connection, running.id, found[0]["sequence"], body)
        if changes := events.resource_changes(found):
            updates.note_changes(connection, running.id, changes)


def _running(call: Call) -> updates.RunningUpdate:
    with call.service.read() as connection:
        return updates.held(connection, call.path["update"], call.lease)


def _is_number(value: Any) -> bool:
    """Whether it is one that the database can hold."""
    return isinstance(value, int) and 0 <= value < 2**31


def _as_sent(call: Call) -> bytes:
    """The body in compressed form; the CLI mostly sends it so."""
    return call.sent if call.sent is not call.body else zlib.compress(call.body, QUICK)

"""Updates: at most one runs on a stack, only the holder of its lease may write, and each ends in one state.

An update is created, started (from then on it runs) and ended. What its journal says becomes the stack's
checkpoint when it ends, in the same transaction, however it ends. The lease is a token that only the CLI of
this update knows; the database holds its SHA-256. Ending an update takes the right to write from the token
for good, so an owner that was thought dead and wakes up can change nothing.
"""

import time
import uuid
from dataclasses import dataclass, field
from typing import Any

import orjson
from sqlalchemy import Connection, delete, insert, select, update

from engine.errors import EngineError
from engine.state.carrying import carry, unsettled
from engine.state.journal import Folded, fold, folded
from engine.state.other_seals import let_go
from engine.state.owner import Owner, is_gone
from engine.state.tables import EVENT, STACK, UPDATE

LEASE_SECONDS = 300  # what the CLI assumes; it renews after half of it
FINISHED = ("succeeded", "failed")  # what the engine itself says at its end
EVENTS_KEPT_FOR = 20  # updates of a stack; older ones keep their history entry and their checkpoint


class UpdateRunning(EngineError):
    """Another update runs on the stack; the message says who runs it, and since when."""

    exit_code = 3

    def __init__(self, stack: str, running: "RunningUpdate") -> None:
        since = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(running.started_at))
        super().__init__(
            f"another {running.kind} of {stack} is running since {since}: {running.user}, {running.owner}",
            hint=f"wait until it is done, as --wait does; or end it: tic stack cancel {stack}",
        )


class LeaseLost(EngineError):
    """The caller does not hold the update's lease: it ended, was cancelled, or was taken over."""

    exit_code = 1

    def __init__(self, why: str) -> None:
        super().__init__(why, hint="run it again: the state is as far as it was written")


@dataclass(frozen=True, slots=True)
class Request:
    """What an update starts from. `config` holds secrets only as ciphertexts."""

    kind: str
    dry_run: bool
    user: str
    engine: str
    owner: Owner
    message: str = ""
    environment: dict[str, str] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RunningUpdate:
    """An update that was started and has not ended; `lease_expires` is in seconds since the epoch."""

    id: str
    stack_id: int
    kind: str
    version: int
    user: str
    engine: str
    started_at: float
    lease_expires: float
    owner: Owner
    access: int | None = None

    @property
    def command(self) -> str:
        """tic's word for its kind; Pulumi's for `up` is update."""
        return "up" if self.kind == "update" else self.kind

    def is_dead(self, now: float) -> bool:
        """Whether nobody can be running it any more: its process is gone, the access token with which a
        client started it was revoked, or its lease was not renewed.
        """
        revoked = self.owner.is_client and self.access is None
        return revoked or self.lease_expires < now or is_gone(self.owner)


def create(connection: Connection, stack_id: int, request: Request) -> str:
    """Note an update that may start; returns its id. Of dry runs only the last is kept."""
    if request.dry_run:
        over = (UPDATE.c.stack_id == stack_id) & UPDATE.c.dry_run & (UPDATE.c.status != "running")
        connection.execute(delete(UPDATE).where(over))
    update_id = str(uuid.uuid4())
    connection.execute(
        insert(UPDATE).values(
            id=update_id,
            stack_id=stack_id,
            kind=request.kind,
            dry_run=request.dry_run,
            version=0,
            status="created",
            created_at=time.time(),
            user=request.user,
            engine=request.engine,
            owner_pid=request.owner.pid,
            owner_host=request.owner.host,
            owner_started=request.owner.started,
            message=request.message,
            environment=orjson.dumps(request.environment).decode(),
            config=orjson.dumps(request.config).decode(),
            resource_changes="{}",
        )
    )
    return update_id


def start(
    connection: Connection,
    stack_id: int,
    update_id: str,
    lease: bytes,
    now: float,
    access: int | None = None,
) -> int:
    """Let the update run under `lease` (a token's hash); returns the version of the stack when it is done.

    `access` is the id of the kept token that the owner showed, where it showed one.

    Takes over from an update whose owner is dead. Raises UpdateRunning where another runs, LeaseLost where
    this one was started before. A dry run needs nothing to itself, and leaves the version as it is.
    """
    row = connection.execute(select(UPDATE).where(UPDATE.c.id == update_id)).one()
    if row.status != "created":
        raise LeaseLost(f"the update {update_id} was started before")
    stack = connection.execute(select(STACK).where(STACK.c.id == stack_id)).one()
    version = stack.version
    if not row.dry_run:
        refuse_while_running(connection, stack_id, now)
        version += 1
        connection.execute(update(STACK).where(STACK.c.id == stack_id).values(version=version))
        _forget_old_events(connection, stack_id, version)
    _set(
        connection,
        update_id,
        status="running",
        version=0 if row.dry_run else version,
        started_at=now,
        lease_hash=lease,
        lease_expires_at=now + LEASE_SECONDS,
        access=access,
    )
    return int(version)


def running(connection: Connection, stack_id: int) -> RunningUpdate | None:
    """The update that runs on the stack, its owner alive or not; dry runs don't count."""
    query = select(UPDATE).where(
        UPDATE.c.stack_id == stack_id, UPDATE.c.status == "running", ~UPDATE.c.dry_run
    )
    row = connection.execute(query).one_or_none()
    return None if row is None else _running(row)


def refuse_while_running(connection: Connection, stack_id: int, now: float | None = None) -> None:
    """Raise UpdateRunning if an update runs on the stack; one whose owner is dead is ended instead."""
    if found := running(connection, stack_id):
        if not found.is_dead(time.time() if now is None else now):
            stack = connection.execute(select(STACK).where(STACK.c.id == stack_id)).one()
            raise UpdateRunning(f"{stack.project}/{stack.name}", found)
        take_over(connection, found)


def held(connection: Connection, update_id: str, lease: bytes) -> RunningUpdate:
    """The running update whose lease this is; raises LeaseLost where it is not, or no longer."""
    row = connection.execute(select(UPDATE).where(UPDATE.c.id == update_id)).one_or_none()
    if row is None or row.lease_hash != lease:
        raise LeaseLost("this is not the lease of the update")
    if row.status != "running":
        why = f" ({row.message})" if row.status == "failed" and row.message else ""
        raise LeaseLost(f"the update is no longer running: {row.status}{why}")
    return _running(row)


def renew(connection: Connection, update_id: str, lease: bytes, now: float) -> float:
    """Keep the lease for another LEASE_SECONDS; returns when it expires. Raises LeaseLost."""
    held(connection, update_id, lease)
    expires = now + LEASE_SECONDS
    _set(connection, update_id, lease_expires_at=expires)
    return expires


def ready_to_complete(connection: Connection, update_id: str, lease: bytes) -> Folded | None:
    """What takes time of completing the update, done in a snapshot; None where there is nothing to do."""
    row = connection.execute(select(UPDATE).where(UPDATE.c.id == update_id)).one_or_none()
    if row is None or row.lease_hash != lease or row.status != "running" or not row.version:
        return None
    return folded(connection, row.stack_id, update_id, row.engine)


def is_destroy(connection: Connection, update_id: str) -> bool:
    """Whether the update deletes, and is no dry run."""
    query = select(UPDATE.c.id).where(UPDATE.c.id == update_id, UPDATE.c.kind == "destroy", ~UPDATE.c.dry_run)
    return connection.execute(query).first() is not None


def complete(
    connection: Connection,
    update_id: str,
    lease: bytes,
    status: str,
    now: float,
    ready: Folded | None = None,
) -> None:
    """End the update as its holder says; saying it again changes nothing. Raises LeaseLost otherwise."""
    row = connection.execute(select(UPDATE).where(UPDATE.c.id == update_id)).one_or_none()
    if row is not None and row.lease_hash == lease and row.status == status:
        return
    end(connection, held(connection, update_id, lease), status, now, ready)


def take_over(connection: Connection, dead: RunningUpdate) -> None:
    """End an update whose owner will never end it; its journal counts as far as it was written."""
    end(connection, dead, "interrupted", time.time())


def end(
    connection: Connection, ended: RunningUpdate, status: str, now: float, ready: Folded | None = None
) -> None:
    """End the update if it still runs: its journal becomes the stack's checkpoint, its lease is void."""
    if find_running(connection, ended.stack_id, ended.id) is None:
        return
    if ended.version:
        left = [] if status in FINISHED else unsettled(connection, ended.stack_id, ended.id)
        fold(connection, ended.stack_id, ended.id, ended.version, ended.engine, ready)
        if left:
            carry(connection, ended.stack_id, left)
        let_go(connection, ended.stack_id)
    _set(connection, ended.id, status=status, completed_at=now)


def refuse(connection: Connection, refused: RunningUpdate, why: str, now: float) -> None:
    """End an update that may not go on, as failed; its history says why, and so do the calls that follow."""
    end(connection, refused, "failed", now)
    _set(connection, refused.id, message=why)


def find_running(connection: Connection, stack_id: int, update_id: str) -> RunningUpdate | None:
    """This update of the stack, dry run or not, if it is running."""
    row = connection.execute(
        select(UPDATE).where(
            UPDATE.c.id == update_id, UPDATE.c.stack_id == stack_id, UPDATE.c.status == "running"
        )
    ).one_or_none()
    return None if row is None else _running(row)


def note_changes(connection: Connection, update_id: str, changes: dict[str, int]) -> None:
    """Keep how many resources each operation touched; the engine says it at the end."""
    _set(connection, update_id, resource_changes=orjson.dumps(changes).decode())


def _forget_old_events(connection: Connection, stack_id: int, version: int) -> None:
    last = version - EVENTS_KEPT_FOR
    # Each start forgets those of one more update, so a few are looked at, and not a long history each time.
    few = UPDATE.c.version.between(last - EVENTS_KEPT_FOR, last)
    old = select(UPDATE.c.id).where(UPDATE.c.stack_id == stack_id, few, ~UPDATE.c.dry_run)
    connection.execute(delete(EVENT).where(EVENT.c.update_id.in_(old)))


def _set(connection: Connection, update_id: str, **values: Any) -> None:
    connection.execute(update(UPDATE).where(UPDATE.c.id == update_id).values(**values))


def _running(row: Any) -> RunningUpdate:
    return RunningUpdate(
        id=row.id,
        stack_id=row.stack_id,
        kind=row.kind,
        version=row.version,
        user=row.user,
        engine=row.engine,
        started_at=row.started_at,
        lease_expires=row.lease_expires_at,
        owner=Owner(row.owner_pid, row.owner_host, row.owner_started),
        access=row.access,
    )

"""The versions of a stack: the deployment after each of its updates.

A checkpoint's body is compressed JSON: a list of the deployment without its resources and of the resources'
ids in `bodies`, the first as it is and each later one as the step from the one before. Most steps are 1, so a
thousand unchanged resources take a few bytes. A body that is an object is a whole deployment, as it was kept
before there were ids. No version is ever dropped: each costs no more than what it changed.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any

import orjson
from sqlalchemy import Connection, delete, insert, select

from engine.certificates import accounts, kept
from engine.state import bodies
from engine.state.bodies import Body
from engine.state.compression import SMALL, packed, unpacked
from engine.state.replay import PLAIN_SCHEMA, Replayed
from engine.state.tables import CHECKPOINT


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A deployment in the shape of `apitype.DeploymentV3`; before the first version it is empty."""

    version: int
    schema: int
    features: tuple[str, ...]
    deployment: dict[str, Any]


EMPTY = Checkpoint(0, PLAIN_SCHEMA, (), {})


@dataclass(frozen=True, slots=True)
class Prepared:
    """A state of which all is done that takes time and no lock: `put` writes it.

    `resources` is None where the deployment has no list of them; `packed` has the bodies that were new.
    """

    schema: int
    features: tuple[str, ...]
    rest: dict[str, Any]
    resources: list[Body] | None
    packed: dict[bytes, bytes]
    certificates: tuple[kept.Kept, ...]
    accounts: tuple[accounts.Account, ...]


def newest(connection: Connection, stack_id: int) -> Checkpoint:
    """The state after the last version that changed any."""
    return _first(connection, select(CHECKPOINT).where(CHECKPOINT.c.stack_id == stack_id))


def newest_pending(connection: Connection, stack_id: int) -> list[dict[str, Any]]:
    """What was cut short in the state after the last version, read without its resources."""
    query = select(CHECKPOINT.c.body).where(CHECKPOINT.c.stack_id == stack_id)
    body = connection.execute(query.order_by(CHECKPOINT.c.version.desc()).limit(1)).scalar()
    match unpacked(body) if body is not None else None:
        case [dict(deployment), _] | dict(deployment):
            return deployment.get("pending_operations") or []
    return []


def sealers(connection: Connection, stack_id: int) -> Iterator[tuple[int, str | None]]:
    """For each kept version, the newest first, which secrets provider of Pulumi's its state names; read
    without its resources, one by one.
    """
    query = select(CHECKPOINT.c.version, CHECKPOINT.c.body).where(CHECKPOINT.c.stack_id == stack_id)
    newest_first = query.order_by(CHECKPOINT.c.version.desc())
    for version in connection.execute(newest_first.with_only_columns(CHECKPOINT.c.version)).scalars().all():
        body = connection.execute(query.where(CHECKPOINT.c.version == version)).one().body
        match unpacked(body):
            case [dict(deployment), _] | dict(deployment):
                yield version, (deployment.get("secrets_providers") or {}).get("type")


def at(connection: Connection, stack_id: int, version: int) -> Checkpoint:
    """The state after `version`, which may have left the checkpoint of an earlier one as it was."""
    query = select(CHECKPOINT).where(CHECKPOINT.c.stack_id == stack_id, CHECKPOINT.c.version <= version)
    return _first(connection, query)


def save(connection: Connection, stack_id: int, version: int, state: Replayed | Checkpoint) -> None:
    """Keep `state` as the deployment after `version`, in place of what was kept for it."""
    put(connection, stack_id, version, prepared(connection, stack_id, state))


def prepared(connection: Connection, stack_id: int, state: Replayed | Checkpoint) -> Prepared:
    """Get `state` ready to be written; only reads."""
    rest = dict(state.deployment)
    resources = rest.pop("resources") if _has_resources(rest) else None
    all_bodies = None if resources is None else [Body.of(one) for one in resources]
    new = bodies.packed_unknown(connection, stack_id, all_bodies or ())
    return Prepared(
        state.schema, state.features, rest, all_bodies, new, kept.found(resources), accounts.found(resources)
    )


def put(connection: Connection, stack_id: int, version: int, state: Prepared) -> None:
    """Write a state as that after `version`, the newest, in place of what was kept for it; bodies that only
    that one had are gone.
    """
    key = (CHECKPOINT.c.stack_id == stack_id) & (CHECKPOINT.c.version == version)
    replaced = set(_ids(connection.execute(select(CHECKPOINT.c.body).where(key)).scalar()))
    ids = None
    if state.resources is not None:
        ids = bodies.keep(connection, stack_id, state.resources, state.packed)
    connection.execute(delete(CHECKPOINT).where(key))
    connection.execute(
        insert(CHECKPOINT).values(
            stack_id=stack_id,
            version=version,
            schema=state.schema,
            features=orjson.dumps(state.features).decode(),
            resource_count=len(ids or ()),
            body=packed([state.rest, _steps(ids)], SMALL),
        )
    )
    _forget(connection, stack_id, replaced.difference(ids or ()))
    kept.follow(connection, stack_id, state.certificates)
    accounts.follow(connection, stack_id, state.accounts)


def resource_count(connection: Connection, stack_id: int) -> int:
    """How many resources the newest version of the stack has."""
    query = select(CHECKPOINT.c.resource_count).where(CHECKPOINT.c.stack_id == stack_id)
    found = connection.execute(query.order_by(CHECKPOINT.c.version.desc()).limit(1)).scalar_one_or_none()
    return int(found or 0)


def resource_counts(connection: Connection, stack_id: int, first: int, last: int) -> dict[int, int]:
    """How many resources each kept version of the stack has, from the version `first` to `last`."""
    query = select(CHECKPOINT.c.version, CHECKPOINT.c.resource_count).where(
        CHECKPOINT.c.stack_id == stack_id, CHECKPOINT.c.version.between(first, last)
    )
    return {row.version: row.resource_count for row in connection.execute(query)}


def _first(connection: Connection, query: Any) -> Checkpoint:
    row = connection.execute(query.order_by(CHECKPOINT.c.version.desc()).limit(1)).one_or_none()
    if row is None:
        return EMPTY
    match unpacked(row.body):
        case [dict(deployment), None]:
            pass
        case [dict(deployment), [*steps]]:
            deployment["resources"] = bodies.read(connection, list(accumulate(steps)))
        case whole:
            deployment = whole
    return Checkpoint(row.version, row.schema, tuple(orjson.loads(row.features)), deployment)


def _has_resources(deployment: dict[str, Any]) -> bool:
    return isinstance(deployment.get("resources"), list)


def _steps(ids: Sequence[int] | None) -> list[int] | None:
    return None if ids is None else [*ids[:1], *(after - before for before, after in pairwise(ids))]


def _ids(body: bytes | None) -> Iterator[int]:
    """The bodies that a checkpoint refers to."""
    match unpacked(body) if body is not None else None:
        case [_, [*steps]]:
            yield from accumulate(steps)


def _forget(connection: Connection, stack_id: int, unused: set[int]) -> None:
    """Remove those of the bodies that no other version of the stack has; its newest ones mostly do."""
    query = select(CHECKPOINT.c.body).where(CHECKPOINT.c.stack_id == stack_id)
    if unused:
        for body in connection.execute(query.order_by(CHECKPOINT.c.version.desc())).scalars():
            unused.difference_update(_ids(body))
            if not unused:
                return
    bodies.forget(connection, unused)

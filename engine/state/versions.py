"""The versions of a stack: the deployment after each of its updates, kept as compressed JSON."""

from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import Connection, delete, insert, select

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


def newest(connection: Connection, stack_id: int) -> Checkpoint:
    """The state after the last version that changed any."""
    query = select(CHECKPOINT).where(CHECKPOINT.c.stack_id == stack_id)
    row = connection.execute(query.order_by(CHECKPOINT.c.version.desc()).limit(1)).one_or_none()
    return EMPTY if row is None else _value(row)


def at(connection: Connection, stack_id: int, version: int) -> Checkpoint:
    """The state after `version`, which may have left the checkpoint of an earlier one as it was."""
    query = select(CHECKPOINT).where(CHECKPOINT.c.stack_id == stack_id, CHECKPOINT.c.version <= version)
    row = connection.execute(query.order_by(CHECKPOINT.c.version.desc()).limit(1)).one_or_none()
    return EMPTY if row is None else _value(row)


def save(connection: Connection, stack_id: int, version: int, state: Replayed | Checkpoint) -> None:
    """Keep `state` as the deployment after `version`, in place of what was kept for it."""
    key = (CHECKPOINT.c.stack_id == stack_id) & (CHECKPOINT.c.version == version)
    connection.execute(delete(CHECKPOINT).where(key))
    connection.execute(
        insert(CHECKPOINT).values(
            stack_id=stack_id,
            version=version,
            schema=state.schema,
            features=orjson.dumps(state.features).decode(),
            resource_count=len(state.deployment.get("resources") or ()),
            body=packed(state.deployment, SMALL),
        )
    )


def resource_count(connection: Connection, stack_id: int) -> int:
    """How many resources the newest version of the stack has."""
    query = select(CHECKPOINT.c.resource_count).where(CHECKPOINT.c.stack_id == stack_id)
    found = connection.execute(query.order_by(CHECKPOINT.c.version.desc()).limit(1)).scalar_one_or_none()
    return int(found or 0)


def resource_counts(connection: Connection, stack_id: int) -> dict[int, int]:
    """How many resources each kept version of the stack has."""
    query = select(CHECKPOINT.c.version, CHECKPOINT.c.resource_count)
    rows = connection.execute(query.where(CHECKPOINT.c.stack_id == stack_id))
    return {row.version: row.resource_count for row in rows}


def _value(row: Any) -> Checkpoint:
    return Checkpoint(row.version, row.schema, tuple(orjson.loads(row.features)), unpacked(row.body))

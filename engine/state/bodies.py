"""The resources of a stack's checkpoints: each is kept once, in however many versions it stays the same.

A body is known by the SHA-256 of its JSON (keys in order, no spaces), and named by the id of its row, which
the database never gives twice. One transaction at a time may write, so what a checkpoint refers to stays.
"""

import hashlib
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import orjson
from sqlalchemy import Connection, delete, func, insert, select

from engine.errors import EngineError
from engine.state.compression import SMALL
from engine.state.tables import RESOURCE_BODY

_T = TypeVar("_T")

AT_ONCE = 500  # parameters of one statement; SQLite's older builds take 999


class BodyMissing(EngineError):
    """A checkpoint refers to a resource that is not there."""

    exit_code = 5

    def __init__(self, count: int) -> None:
        what = "1 resource that is" if count == 1 else f"{count} resources that are"
        super().__init__(
            f"the database is damaged: a checkpoint refers to {what} gone",
            hint="put a backup back: tic vault restore FILE --force",
        )


@dataclass(frozen=True, slots=True)
class Body:
    """A resource as it is kept: its JSON, and the SHA-256 of that."""

    digest: bytes
    json: bytes

    @classmethod
    def of(cls, resource: Any) -> "Body":
        """The body of a resource, whatever JSON it is."""
        json = orjson.dumps(resource, option=orjson.OPT_SORT_KEYS)
        return cls(hashlib.sha256(json).digest(), json)


def packed_unknown(connection: Connection, stack_id: int, bodies: Sequence[Body]) -> dict[bytes, bytes]:
    """Those that the stack does not have yet, compressed, by digest; only reads."""
    known = _ids(connection, stack_id, {body.digest for body in bodies})
    return {body.digest: _packed(body) for body in bodies if body.digest not in known}


def keep(
    connection: Connection, stack_id: int, bodies: Sequence[Body], packed: Mapping[bytes, bytes]
) -> list[int]:
    """Have every body in the store; returns their ids. `packed` has those that were compressed before."""
    ids = _ids(connection, stack_id, {body.digest for body in bodies})
    missing = {body.digest: body for body in bodies if body.digest not in ids}
    rows = [
        {"stack_id": stack_id, "digest": digest, "body": packed.get(digest) or _packed(body)}
        for digest, body in missing.items()
    ]
    if rows:
        highest = connection.execute(select(func.coalesce(func.max(RESOURCE_BODY.c.id), 0))).scalar_one()
        connection.execute(insert(RESOURCE_BODY), rows)
        new = select(RESOURCE_BODY.c.digest, RESOURCE_BODY.c.id).where(
            RESOURCE_BODY.c.stack_id == stack_id, RESOURCE_BODY.c.id > highest
        )
        ids.update((bytes(row.digest), row.id) for row in connection.execute(new))
    return [ids[body.digest] for body in bodies]


def read(connection: Connection, ids: Sequence[int]) -> list[Any]:
    """The resources with these ids, in their order; raises BodyMissing."""
    found: dict[int, bytes] = {}
    for some in _chunks(sorted(set(ids))):
        query = select(RESOURCE_BODY.c.id, RESOURCE_BODY.c.body).where(RESOURCE_BODY.c.id.in_(some))
        found.update((row.id, row.body) for row in connection.execute(query))
    if missing := set(ids) - found.keys():
        raise BodyMissing(len(missing))
    texts = (zlib.decompress(found[number]) for number in ids)
    whole: list[Any] = orjson.loads(b"[" + b",".join(texts) + b"]")
    return whole


def forget(connection: Connection, ids: Iterable[int]) -> None:
    """Remove bodies that nothing refers to."""
    for some in _chunks(sorted(ids)):
        connection.execute(delete(RESOURCE_BODY).where(RESOURCE_BODY.c.id.in_(some)))


def _packed(body: Body) -> bytes:
    return zlib.compress(body.json, SMALL)


def _ids(connection: Connection, stack_id: int, digests: Iterable[bytes]) -> dict[bytes, int]:
    found: dict[bytes, int] = {}
    for some in _chunks(list(digests)):
        query = select(RESOURCE_BODY.c.digest, RESOURCE_BODY.c.id).where(
            RESOURCE_BODY.c.stack_id == stack_id, RESOURCE_BODY.c.digest.in_(some)
        )
        found.update((bytes(row.digest), row.id) for row in connection.execute(query))
    return found


def _chunks(values: Sequence[_T]) -> Iterator[Sequence[_T]]:
    for start in range(0, len(values), AT_ONCE):
        yield values[start : start + AT_ONCE]

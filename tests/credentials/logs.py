"""Audit logs without a vault: entries made one after another, and a table of its own to keep them in."""

import string
from collections.abc import Sequence

from hypothesis import strategies as st
from sqlalchemy import Engine, Table, create_engine

from credentials.audit import NOTHING_YET, OUTCOMES, Entry, Event, Head, next_entry
from credentials.rows import AuditRow

KEY = bytes(range(32))
VAULT = "6f" * 16
BEGUN = 1_700_000_000_000_000  # microseconds since the epoch

_texts = st.one_of(st.text(max_size=6), st.sampled_from(["prod", "acme/prod", "up", "刘的密钥"]))
_maybe = st.none() | _texts

events = st.builds(
    Event,
    action=st.sampled_from(["credential.open", "credential.rotate", "vault.rekey"]),
    outcome=st.sampled_from(OUTCOMES),
    credential=_maybe,
    name=_maybe,
    kind=_maybe,
    stack=_maybe,
    purpose=_maybe,
    detail=st.dictionaries(st.text(string.ascii_lowercase, min_size=1, max_size=3), _texts, max_size=3),
)


def chained(happened: Sequence[Event], *, key: bytes = KEY, vault_id: str = VAULT) -> list[Entry]:
    """A log of these events, one second between them."""
    log: list[Entry] = []
    for number, event in enumerate(happened):
        log.append(next_entry(head_of(log), key, vault_id, event, actor="someone", at=BEGUN + number * 10**6))
    return log


def opened(count: int) -> list[Entry]:
    """A log of `count` openings."""
    return chained([Event("credential.open", "done", name=f"n{number}") for number in range(count)])


def head_of(log: Sequence[Entry]) -> Head:
    """Its end, as a vault would seal it."""
    return Head(log[-1].seq, log[-1].hash) if log else NOTHING_YET


def table() -> Engine:
    """An empty audit table, in memory, as the schema has it."""
    engine = create_engine("sqlite://")
    made = AuditRow.metadata.tables["audit"]
    assert isinstance(made, Table)
    made.create(engine)
    return engine

"""The table of write-ahead notes about challenge records; `engine.challenges` turns rows into values."""

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Integer, UniqueConstraint
from sqlmodel import Field, SQLModel


class ChallengeRow(SQLModel, table=True):
    """A TXT record that a run is about to publish, or has published and not withdrawn; else there is no row.

    Times are seconds since the epoch (UTC). `nameservers` and `resolvers` are JSON lists of "address:port".
    The owner is the process of the run (pid, host, start); without one the run gave up and the next run
    withdraws the record. `key_authorization` is no secret: it holds the challenge's token and the
    fingerprint of a public key.
    """

    __tablename__ = "challenge"
    __table_args__ = (
        CheckConstraint("state IN ('publishing', 'published')", name="challenge_state_known"),
        UniqueConstraint("stack_id", "credential", "record_name", "record_value", name="challenge_once"),
        Index("challenge_by_record", "record_name", "record_value"),
    )

    id: int | None = Field(default=None, primary_key=True)
    stack_id: int | None = Field(
        default=None, sa_column=Column(Integer, ForeignKey("stack.id", ondelete="SET NULL"), nullable=True)
    )
    stack_name: str
    credential: str
    provider: str
    identifier: str
    challenge_token: str
    key_authorization: str
    record_name: str
    record_value: str
    zone: str
    nameservers: str
    resolvers: str
    state: str
    noted_at: float
    published_at: float | None = None
    owner_host: str | None = None
    owner_pid: int | None = None
    owner_started: str | None = None
    problem: str | None = None

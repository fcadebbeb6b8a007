"""The tables of the ledger; `kept.py` turns rows into values. Times are seconds since the epoch (UTC)."""

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field, SQLModel


class LimitRow(SQLModel, table=True):
    """A `Bucket` of the ledger at its `Slot`; one that is full and held back by nobody has no row."""

    __tablename__ = "acme_limit"
    __table_args__ = (UniqueConstraint("directory", "name", "subject", name="acme_limit_once"),)

    id: int | None = Field(default=None, primary_key=True)
    directory: str
    name: str
    subject: str
    full_at: float
    since: float
    held: int
    not_before: float


class OrderRow(SQLModel, table=True):
    """An order that holds tokens: asked for, or made at the CA (`order_url`), without a certificate yet.

    It holds them until `ends_at` at the latest, when the CA gives it up.
    """

    __tablename__ = "acme_order"
    __table_args__ = (
        UniqueConstraint("claim", name="acme_order_claim_once"),
        Index("acme_order_url", "order_url"),
    )

    id: int | None = Field(default=None, primary_key=True)
    claim: str
    stack: str
    directory: str
    account: str
    names: str  # JSON: a list
    renewal: bool
    order_url: str | None
    ends_at: float

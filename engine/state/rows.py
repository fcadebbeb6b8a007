"""The tables of stacks and their state; `stacks.py` and `updates.py` turn rows into values.

Times are seconds since the epoch (UTC). Columns that hold JSON say so. Deleting a stack deletes its updates,
checkpoints and their resources; deleting an update deletes its journal and events.
"""

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Integer, String, UniqueConstraint, text
from sqlmodel import Field, SQLModel


def _stack(*, primary_key: bool = False) -> Column[int]:
    return Column(
        Integer, ForeignKey("stack.id", ondelete="CASCADE"), primary_key=primary_key, nullable=False
    )


def _update(*, primary_key: bool = False) -> Column[str]:
    return Column(
        String, ForeignKey("stack_update.id", ondelete="CASCADE"), primary_key=primary_key, nullable=False
    )


class AccessTokenRow(SQLModel, table=True):
    """A token of the state service that is kept, by its SHA-256.

    It opens every stack, those of `project`, or the one named `stack` in it; `expires_at` null: for good.
    `seal` is the vault's proof that tic has written the row.
    """

    __tablename__ = "access_token"
    __table_args__ = (
        UniqueConstraint("name", name="access_token_name_once"),
        UniqueConstraint("hash", name="access_token_hash_once"),
        {"sqlite_autoincrement": True},  # an update that names a token must not come to name another
    )

    id: int | None = Field(default=None, primary_key=True)
    name: str
    hash: bytes
    project: str | None
    stack: str | None
    read_only: bool
    made_by: str
    created_at: float
    expires_at: float | None
    last_used_at: float | None
    seal: bytes


class StackRow(SQLModel, table=True):
    """A stack.

    `folder` is where its project lies ('' where a stock CLI made it), `version` its last update's number.
    """

    __tablename__ = "stack"
    __table_args__ = (
        UniqueConstraint("org", "project", "name", name="stack_name_once"),
        {"sqlite_autoincrement": True},  # an id is never given twice: a stack's secrets are bound to it
    )

    id: int | None = Field(default=None, primary_key=True)
    org: str
    project: str
    name: str
    folder: str
    version: int
    tags: str  # JSON: name -> value
    created_at: float


class UpdateRow(SQLModel, table=True):
    """One operation on a stack: who ran it, what came of it, and the lease that alone may write meanwhile.

    `version` is its place in the stack's history; a dry run has no place there (0).
    """

    __tablename__ = "stack_update"
    __table_args__ = (
        CheckConstraint(
            "status IN ('created', 'running', 'succeeded', 'failed', 'cancelled', 'interrupted')",
            name="stack_update_status_known",
        ),
        Index("stack_update_history", "stack_id", "version"),
        Index(
            "stack_update_one_running",
            "stack_id",
            unique=True,
            sqlite_where=text("status = 'running' AND NOT dry_run"),
            postgresql_where=text("status = 'running' AND NOT dry_run"),
        ),
    )

    id: str = Field(primary_key=True)
    stack_id: int = Field(sa_column=_stack())
    kind: str
    dry_run: bool
    version: int
    status: str
    created_at: float
    started_at: float | None
    completed_at: float | None
    user: str
    engine: str  # the CLI's version, for the manifest of what it makes
    lease_hash: (
        bytes | None
    )  # SHA-256 of the token; kept when the update ends, so that a repeated end is known
    lease_expires_at: float | None
    owner_pid: int
    owner_host: str
    owner_started: str
    message: str
    environment: str  # JSON: name -> value
    config: str  # JSON: key -> apitype.ConfigValue
    resource_changes: str  # JSON: operation -> count
    access: int | None  # the kept token that it was started with, until that is revoked


class ResourceBodyRow(SQLModel, table=True):
    """A resource as one or more checkpoints of the stack hold it: its JSON, compressed with zlib.

    `digest` is the SHA-256 of the JSON with its keys in order. What no checkpoint refers to is removed.
    """

    __tablename__ = "resource_body"
    __table_args__ = (
        UniqueConstraint("stack_id", "digest", name="resource_body_once"),
        {"sqlite_autoincrement": True},  # a checkpoint that names a removed id must not find another's body
    )

    id: int | None = Field(default=None, primary_key=True)
    stack_id: int = Field(sa_column=_stack())
    digest: bytes
    body: bytes


class CheckpointRow(SQLModel, table=True):
    """The deployment after one version of a stack: its JSON, compressed with zlib.

    `versions.py` has the form, in which resources are ids of resource_body.
    """

    __tablename__ = "checkpoint"

    stack_id: int = Field(sa_column=_stack(primary_key=True))
    version: int = Field(primary_key=True)
    schema_: int = Field(sa_column=Column("schema", Integer, nullable=False))
    features: str  # JSON: names
    resource_count: int
    body: bytes


class JournalRow(SQLModel, table=True):
    """One batch of journal entries (`{"entries": [...]}`), compressed; the same batch may be there twice."""

    __tablename__ = "journal"
    __table_args__ = (Index("journal_of_update", "update_id"),)

    id: int | None = Field(default=None, primary_key=True)
    update_id: str = Field(sa_column=_update())
    body: bytes


class EventRow(SQLModel, table=True):
    """One batch of engine events (`{"events": [...]}`), compressed; `sequence` is that of its first event."""

    __tablename__ = "event"

    update_id: str = Field(sa_column=_update(primary_key=True))
    sequence: int = Field(primary_key=True)
    body: bytes


class CertificateRow(SQLModel, table=True):
    """A certificate that the stack's state holds; `engine.certificates.kept` keeps the row in step with it.

    `due_at` is when it is to be renewed, or tried again; `facts` what the state says of it.
    """

    __tablename__ = "certificate"
    __table_args__ = (
        UniqueConstraint("stack_id", "urn", name="certificate_once"),
        Index("certificate_due", "due_at"),
        Index("certificate_name", "name"),
    )

    id: int | None = Field(default=None, primary_key=True)
    stack_id: int = Field(sa_column=_stack())
    urn: str
    name: str
    serial: str
    not_after: float
    due_at: float
    facts: str  # JSON: names, directory, issuer, and the outputs that `epoch.Held` reads
    renewal_window: str | None  # JSON: start, end (RFC 3339); what the CA has said since it was issued
    ask_again: float | None
    failures: int
    tried_at: float | None
    retry_at: float | None
    problem: str
    wanted_epoch: int | None
    revoked_at: float | None


class AcmeAccountRow(SQLModel, table=True):
    """An account at a CA that the stack's state holds; `engine.certificates.accounts` keeps it in step."""

    __tablename__ = "acme_account"
    __table_args__ = (UniqueConstraint("stack_id", "urn", name="acme_account_once"),)

    id: int | None = Field(default=None, primary_key=True)
    stack_id: int = Field(sa_column=_stack())
    urn: str
    uri: str
    directory: str
    facts: str  # JSON: what the state says of it besides


class AcmeAccountKeyRow(SQLModel, table=True):
    """The key that a CA was last asked to take for an account, with the one before, sealed; and its epoch."""

    __tablename__ = "acme_account_key"
    __table_args__ = (UniqueConstraint("stack_id", "uri", name="acme_account_key_once"),)

    id: int | None = Field(default=None, primary_key=True)
    stack_id: int = Field(sa_column=_stack())
    uri: str
    epoch: int
    sealed: bytes
    noted_at: float


class AcmeTermsRow(SQLModel, table=True):
    """The terms (a URL) that a CA showed when a run saw them last."""

    __tablename__ = "acme_terms"
    __table_args__ = (UniqueConstraint("directory", name="acme_terms_once"),)

    id: int | None = Field(default=None, primary_key=True)
    directory: str
    terms: str
    seen_at: float

"""The tables of the vault; `credentials.store` turns rows into values.

Times are seconds since the epoch (UTC), in the audit log microseconds. What is sealed is bound to its row by
`credentials.sealing`; the rows themselves are guarded by the vault's digest (`credentials.digest`).
"""

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Index, Integer, UniqueConstraint, text
from sqlmodel import Field, SQLModel


class VaultRow(SQLModel, table=True):
    """The one vault of a database: its random id, the data key wrapped by the vault key, and its seals.

    `key_source` and `key_params` (JSON) say where the vault key comes from; `generation` counts data keys.
    """

    __tablename__ = "vault"
    __table_args__ = (CheckConstraint("id = 1", name="vault_is_one"),)

    id: int | None = Field(default=1, primary_key=True)
    vault_id: str
    wrapped_key: bytes
    created_at: float
    key_source: str = Field(sa_column_kwargs={"server_default": "file"})
    key_params: str | None = None
    generation: int = Field(sa_column_kwargs={"server_default": text("1")})
    digest: bytes | None = None
    audit_key: bytes | None = None
    audit_head: bytes | None = None


class DataKeyRow(SQLModel, table=True):
    """A data key that was replaced, sealed by the one that is used now: what lives elsewhere still opens."""

    __tablename__ = "data_key"

    generation: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    sealed: bytes


class CredentialRow(SQLModel, table=True):
    """A credential without what is in it; `state` is 'active' (one per kind) or 'ready'."""

    __tablename__ = "credential"
    __table_args__ = (
        UniqueConstraint("token", name="credential_token_once"),
        UniqueConstraint("name", name="credential_name_once"),
        CheckConstraint("state IN ('active', 'ready')", name="credential_state_known"),
        Index(
            "credential_one_active",
            "kind",
            unique=True,
            sqlite_where=text("state = 'active'"),
            postgresql_where=text("state = 'active'"),
        ),
    )

    id: int | None = Field(default=None, primary_key=True)
    token: str
    name: str
    kind: str
    state: str
    version: int
    created_at: float
    updated_at: float
    last_used_at: float | None = None
    last_used_for: str | None = None
    scope: str = Field(sa_column_kwargs={"server_default": "all"})


class CredentialFieldRow(SQLModel, table=True):
    """One field of one version of a credential, sealed; fields that are no secret are sealed as well."""

    __tablename__ = "credential_field"

    credential_id: int = Field(
        sa_column=Column(Integer, ForeignKey("credential.id", ondelete="CASCADE"), primary_key=True)
    )
    version: int = Field(primary_key=True)
    name: str = Field(primary_key=True)
    sealed: bytes


class CredentialLeaseRow(SQLModel, table=True):
    """A process that works with one version of a credential; the version stays sealed until it is done."""

    __tablename__ = "credential_lease"
    __table_args__ = (Index("credential_lease_credential", "credential_id"),)

    id: int | None = Field(default=None, primary_key=True)
    credential_id: int = Field(
        sa_column=Column(Integer, ForeignKey("credential.id", ondelete="CASCADE"), nullable=False)
    )
    version: int
    holder: str
    purpose: str
    host: str
    pid: int
    process_started: float
    since: float


class LinkedRoleRow(SQLModel, table=True):
    """The linked role of a provider; a provider without a row has none (Disabled).

    `source` says who takes it on, `settings` is JSON, `problem` what kept it from being taken on when that
    was last tried, at `checked_at`.
    """

    __tablename__ = "linked_role"
    __table_args__ = (
        CheckConstraint("state IN ('authorizing', 'enabled', 'failed')", name="linked_role_state_known"),
        CheckConstraint("source IN ('metadata', 'oidc', 'credential')", name="linked_role_source_known"),
    )

    provider: str = Field(primary_key=True)
    state: str
    role: str
    external_id: str | None = None
    session_seconds: int
    source: str
    source_credential_id: int | None = Field(
        default=None,
        sa_column=Column(
            Integer,
            ForeignKey("credential.id", ondelete="RESTRICT"),
            nullable=True,
        ),
    )
    token_file: str | None = None
    settings: str
    account: str
    principal: str
    problem: str | None = None
    created_at: float
    checked_at: float | None = None


class AuditRow(SQLModel, table=True):
    """One entry of the audit log, chained to the one before; `at` in microseconds, `detail` is JSON."""

    __tablename__ = "audit"

    seq: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    at: int = Field(sa_column=Column(BigInteger, nullable=False))
    actor: str
    action: str
    outcome: str
    credential: str | None = None
    name: str | None = None
    kind: str | None = None
    stack: str | None = None
    purpose: str | None = None
    detail: str
    hash: bytes
    mac: bytes

"""The tables of the vault; `credentials.store` turns rows into values.

Times are seconds since the epoch (UTC). What is sealed is bound to its row by `credentials.sealing`.
"""

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Integer, UniqueConstraint, text
from sqlmodel import Field, SQLModel


class VaultRow(SQLModel, table=True):
    """The one vault of a database: its random id, and the data key wrapped by the vault key."""

    __tablename__ = "vault"
    __table_args__ = (CheckConstraint("id = 1", name="vault_is_one"),)

    id: int | None = Field(default=1, primary_key=True)
    vault_id: str
    wrapped_key: bytes
    created_at: float


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


class CredentialFieldRow(SQLModel, table=True):
    """One field of one version of a credential, sealed; fields that are no secret are sealed as well."""

    __tablename__ = "credential_field"

    credential_id: int = Field(
        sa_column=Column(Integer, ForeignKey("credential.id", ondelete="CASCADE"), primary_key=True)
    )
    version: int = Field(primary_key=True)
    name: str = Field(primary_key=True)
    sealed: bytes


class LinkedRoleRow(SQLModel, table=True):
    """Whether a provider's linked role serves its stacks; `state` is 'disabled' or 'enabled'."""

    __tablename__ = "linked_role"
    __table_args__ = (CheckConstraint("state IN ('disabled', 'enabled')", name="linked_role_state_known"),)

    provider: str = Field(primary_key=True)
    state: str

"""The table of bindings: which credential serves each provider of a stack."""

from sqlmodel import Field, SQLModel


class BindingRow(SQLModel, table=True):
    """One provider that a stack needs, and what serves it: a credential, or the provider's linked role.

    Both are null while nothing of the stack exists (destroyed).
    """

    __tablename__ = "binding"

    stack_id: int = Field(foreign_key="stack.id", ondelete="CASCADE", primary_key=True)
    provider: str = Field(primary_key=True)
    credential_id: int | None = Field(
        default=None, foreign_key="credential.id", ondelete="RESTRICT", nullable=True, index=False
    )
    role: str | None = Field(default=None, foreign_key="linked_role.provider", ondelete="RESTRICT")

"""Which credential serves each provider of a stack."""

import sqlalchemy as sa
from alembic import op

revision = "0003_binding"
down_revision = "0002_state"


def upgrade() -> None:
    """RESTRICT: a credential that a stack uses can't be deleted, whoever tries. Null: nothing is bound."""
    op.create_table(
        "binding",
        sa.Column("stack_id", sa.Integer, sa.ForeignKey("stack.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("provider", sa.String, primary_key=True),
        sa.Column(
            "credential_id", sa.Integer, sa.ForeignKey("credential.id", ondelete="RESTRICT"), nullable=True
        ),
    )
    op.create_index("binding_credential", "binding", ["credential_id"])

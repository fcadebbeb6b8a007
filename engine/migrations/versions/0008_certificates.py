"""The certificates of all stacks, in one table that follows their states."""

import sqlalchemy as sa
from alembic import op

revision = "0008_certificates"
down_revision = "0007_access_tokens"


def upgrade() -> None:
    """Make the table; a stack's certificates come into it when its next run completes."""
    op.create_table(
        "certificate",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("stack_id", sa.Integer(), sa.ForeignKey("stack.id", ondelete="CASCADE"), nullable=False),
        sa.Column("urn", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("serial", sa.String(), nullable=False),
        sa.Column("not_after", sa.Float(), nullable=False),
        sa.Column("due_at", sa.Float(), nullable=False),
        sa.Column("facts", sa.String(), nullable=False),
        sa.Column("renewal_window", sa.String(), nullable=True),
        sa.Column("ask_again", sa.Float(), nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("tried_at", sa.Float(), nullable=True),
        sa.Column("retry_at", sa.Float(), nullable=True),
        sa.Column("problem", sa.String(), nullable=False),
        sa.Column("wanted_epoch", sa.Integer(), nullable=True),
        sa.Column("revoked_at", sa.Float(), nullable=True),
        sa.UniqueConstraint("stack_id", "urn", name="certificate_once"),
    )
    op.create_index("certificate_due", "certificate", ["due_at"])
    op.create_index("certificate_name", "certificate", ["name"])

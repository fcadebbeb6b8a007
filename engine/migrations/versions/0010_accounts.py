"""Accounts at CAs of all stacks, the keys that they are to get, and the terms that the CAs show."""

import sqlalchemy as sa
from alembic import op

revision = "0010_accounts"
down_revision = "0009_limits"


def upgrade() -> None:
    """Make the tables; a stack's accounts come into theirs when its next run completes."""
    op.create_table(
        "acme_account",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("stack_id", sa.Integer(), sa.ForeignKey("stack.id", ondelete="CASCADE"), nullable=False),
        sa.Column("urn", sa.String(), nullable=False),
        sa.Column("uri", sa.String(), nullable=False),
        sa.Column("directory", sa.String(), nullable=False),
        sa.Column("facts", sa.String(), nullable=False),
        sa.UniqueConstraint("stack_id", "urn", name="acme_account_once"),
    )
    op.create_table(
        "acme_account_key",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("stack_id", sa.Integer(), sa.ForeignKey("stack.id", ondelete="CASCADE"), nullable=False),
        sa.Column("uri", sa.String(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("noted_at", sa.Float(), nullable=False),
        sa.UniqueConstraint("stack_id", "uri", name="acme_account_key_once"),
    )
    op.create_table(
        "acme_terms",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("directory", sa.String(), nullable=False),
        sa.Column("terms", sa.String(), nullable=False),
        sa.Column("seen_at", sa.Float(), nullable=False),
        sa.UniqueConstraint("directory", name="acme_terms_once"),
    )

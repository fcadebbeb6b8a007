"""The resources of a stack's checkpoints, each kept once."""

import sqlalchemy as sa
from alembic import op

revision = "0006_resource_bodies"
down_revision = "0005_trust"


def upgrade() -> None:
    """Make the table; a checkpoint from before holds its resources itself, and stays as it is."""
    op.create_table(
        "resource_body",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("stack_id", sa.Integer(), sa.ForeignKey("stack.id", ondelete="CASCADE"), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.UniqueConstraint("stack_id", "digest", name="resource_body_once"),
        sqlite_autoincrement=True,
    )

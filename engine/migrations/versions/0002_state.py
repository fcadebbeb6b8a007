"""Stacks, the updates of their history, and their state: checkpoints, journals and engine events."""

import sqlalchemy as sa
from alembic import op

revision = "0002_state"
down_revision = "0001_credentials"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables; the database itself refuses a second running update of a stack."""
    op.create_table(
        "stack",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("org", sa.String(), nullable=False),
        sa.Column("project", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("folder", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("tags", sa.String(), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.UniqueConstraint("org", "project", "name", name="stack_name_once"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "stack_update",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("stack_id", sa.Integer(), sa.ForeignKey("stack.id", ondelete="CASCADE"), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("dry_run", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.Column("started_at", sa.Float(), nullable=True),
        sa.Column("completed_at", sa.Float(), nullable=True),
        sa.Column("user", sa.String(), nullable=False),
        sa.Column("engine", sa.String(), nullable=False),
        sa.Column("lease_hash", sa.LargeBinary(), nullable=True),
        sa.Column("lease_expires_at", sa.Float(), nullable=True),
        sa.Column("owner_pid", sa.Integer(), nullable=False),
        sa.Column("owner_host", sa.String(), nullable=False),
        sa.Column("owner_started", sa.String(), nullable=False),
        sa.Column("message", sa.String(), nullable=False),
        sa.Column("environment", sa.String(), nullable=False),
        sa.Column("config", sa.String(), nullable=False),
        sa.Column("resource_changes", sa.String(), nullable=False),
        sa.CheckConstraint(
            "status IN ('created', 'running', 'succeeded', 'failed', 'cancelled', 'interrupted')",
            name="stack_update_status_known",
        ),
    )
    op.create_index("stack_update_history", "stack_update", ["stack_id", "version"])
    op.create_index(
        "stack_update_one_running",
        "stack_update",
        ["stack_id"],
        unique=True,
        sqlite_where=sa.text("status = 'running' AND NOT dry_run"),
        postgresql_where=sa.text("status = 'running' AND NOT dry_run"),
    )
    op.create_table(
        "checkpoint",
        sa.Column("stack_id", sa.Integer(), sa.ForeignKey("stack.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("version", sa.Integer(), primary_key=True),
        sa.Column("schema", sa.Integer(), nullable=False),
        sa.Column("features", sa.String(), nullable=False),
        sa.Column("resource_count", sa.Integer(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
    )
    op.create_table(
        "journal",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column(
            "update_id", sa.String(), sa.ForeignKey("stack_update.id", ondelete="CASCADE"), nullable=False
        ),
        sa.Column("body", sa.LargeBinary(), nullable=False),
    )
    op.create_index("journal_of_update", "journal", ["update_id"])
    op.create_table(
        "event",
        sa.Column(
            "update_id", sa.String(), sa.ForeignKey("stack_update.id", ondelete="CASCADE"), primary_key=True
        ),
        sa.Column("sequence", sa.Integer(), primary_key=True),
        sa.Column("body", sa.LargeBinary(), nullable=False),
    )


def downgrade() -> None:
    """Forget every stack's state and history; what the stacks made keeps running."""
    op.drop_table("event")
    op.drop_index("journal_of_update", table_name="journal")
    op.drop_table("journal")
    op.drop_table("checkpoint")
    op.drop_index("stack_update_one_running", table_name="stack_update")
    op.drop_index("stack_update_history", table_name="stack_update")
    op.drop_table("stack_update")
    op.drop_table("stack")

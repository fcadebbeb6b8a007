"""Access tokens that are kept, and which of them an update was started with."""

import sqlalchemy as sa
from alembic import op

revision = "0007_access_tokens"
down_revision = "0006_resource_bodies"


def upgrade() -> None:
    """Make the table, and let an update name its token, by id, until that is revoked."""
    op.create_table(
        "access_token",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("project", sa.String(), nullable=True),
        sa.Column("stack", sa.String(), nullable=True),
        sa.Column("read_only", sa.Boolean(), nullable=False),
        sa.Column("made_by", sa.String(), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.Column("expires_at", sa.Float(), nullable=True),
        sa.Column("last_used_at", sa.Float(), nullable=True),
        sa.Column("seal", sa.LargeBinary(), nullable=False),
        sa.UniqueConstraint("name", name="access_token_name_once"),
        sa.UniqueConstraint("hash", name="access_token_hash_once"),
        sqlite_autoincrement=True,
    )
    op.add_column("stack_update", sa.Column("access", sa.Integer(), nullable=True))

"""Write-ahead notes of the challenge records that runs publish."""

import sqlalchemy as sa
from alembic import op

revision = "0004_challenge"
down_revision = "0003_binding"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table `challenge`: one row from before a record is published until after it is withdrawn."""
    op.create_table(
        "challenge",
        sa.Column("id", sa.Integer(), primary_key=True),
        # A note outlives its stack: the record is still in DNS when the stack is gone.
        sa.Column("stack_id", sa.Integer(), sa.ForeignKey("stack.id", ondelete="SET NULL"), nullable=True),
        sa.Column("stack_name", sa.String(), nullable=False),
        sa.Column("credential", sa.String(), nullable=False),
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("identifier", sa.String(), nullable=False),
        sa.Column("challenge_token", sa.String(), nullable=False),
        sa.Column("key_authorization", sa.String(), nullable=False),
        sa.Column("record_name", sa.String(), nullable=False),
        sa.Column("record_value", sa.String(), nullable=False),
        sa.Column("zone", sa.String(), nullable=False),
        sa.Column("nameservers", sa.String(), nullable=False),
        sa.Column("resolvers", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("noted_at", sa.Float(), nullable=False),
        sa.Column("published_at", sa.Float(), nullable=True),
        sa.Column("owner_host", sa.String(), nullable=True),
        sa.Column("owner_pid", sa.Integer(), nullable=True),
        sa.Column("owner_started", sa.String(), nullable=True),
        sa.Column("problem", sa.String(), nullable=True),
        sa.CheckConstraint("state IN ('publishing', 'published')", name="challenge_state_known"),
        sa.UniqueConstraint("stack_id", "credential", "record_name", "record_value", name="challenge_once"),
    )
    op.create_index("challenge_by_record", "challenge", ["record_name", "record_value"])


def downgrade() -> None:
    """Forget the notes: records that are still published would stay in DNS, so withdraw them first."""
    op.drop_index("challenge_by_record", table_name="challenge")
    op.drop_table("challenge")

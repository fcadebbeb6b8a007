"""The vault, its credentials with their sealed fields, and the linked roles."""

import sqlalchemy as sa
from alembic import op

revision = "0001_credentials"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables; the database itself refuses a second Active credential of a kind."""
    op.create_table(
        "vault",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("vault_id", sa.String(), nullable=False),
        sa.Column("wrapped_key", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.CheckConstraint("id = 1", name="vault_is_one"),
    )
    op.create_table(
        "credential",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("token", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.Column("updated_at", sa.Float(), nullable=False),
        sa.Column("last_used_at", sa.Float(), nullable=True),
        sa.Column("last_used_for", sa.String(), nullable=True),
        sa.UniqueConstraint("token", name="credential_token_once"),
        sa.UniqueConstraint("name", name="credential_name_once"),
        sa.CheckConstraint("state IN ('active', 'ready')", name="credential_state_known"),
    )
    op.create_index(
        "credential_one_active",
        "credential",
        ["kind"],
        unique=True,
        sqlite_where=sa.text("state = 'active'"),
        postgresql_where=sa.text("state = 'active'"),
    )
    op.create_table(
        "credential_field",
        sa.Column(
            "credential_id",
            sa.Integer(),
            sa.ForeignKey("credential.id", ondelete="CASCADE"),
            primary_key=True,
        ),
        sa.Column("version", sa.Integer(), primary_key=True),
        sa.Column("name", sa.String(), primary_key=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
    )
    op.create_table(
        "linked_role",
        sa.Column("provider", sa.String(), primary_key=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.CheckConstraint("state IN ('disabled', 'enabled')", name="linked_role_state_known"),
    )


def downgrade() -> None:
    """Forget the vault and every credential in it; nothing can bring them back."""
    op.drop_table("linked_role")
    op.drop_table("credential_field")
    op.drop_index("credential_one_active", table_name="credential")
    op.drop_table("credential")
    op.drop_table("vault")

"""Scopes, leases on versions, the audit log, roles that serve stacks, and seals over the vault's tables."""

import sqlalchemy as sa
from alembic import op

revision = "0005_trust"
down_revision = "0004_challenge"


def upgrade() -> None:
    """What was there stays valid: an older vault gets its first digest with its next change."""
    op.add_column("vault", sa.Column("key_source", sa.String(), nullable=False, server_default="file"))
    op.add_column("vault", sa.Column("key_params", sa.String(), nullable=True))
    op.add_column("vault", sa.Column("generation", sa.Integer(), nullable=False, server_default=sa.text("1")))
    op.add_column("vault", sa.Column("digest", sa.LargeBinary(), nullable=True))
    op.add_column("vault", sa.Column("audit_key", sa.LargeBinary(), nullable=True))
    op.add_column("vault", sa.Column("audit_head", sa.LargeBinary(), nullable=True))
    op.create_table(
        "data_key",
        sa.Column("generation", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
    )
    op.add_column("credential", sa.Column("scope", sa.String(), nullable=False, server_default="all"))
    op.create_table(
        "credential_lease",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column(
            "credential_id",
            sa.Integer(),
            sa.ForeignKey("credential.id", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("holder", sa.String(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("host", sa.String(), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("process_started", sa.Float(), nullable=False),
        sa.Column("since", sa.Float(), nullable=False),
    )
    op.create_index("credential_lease_credential", "credential_lease", ["credential_id"])
    op.create_table(
        "audit",
        sa.Column("seq", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("credential", sa.String(), nullable=True),
        sa.Column("name", sa.String(), nullable=True),
        sa.Column("kind", sa.String(), nullable=True),
        sa.Column("stack", sa.String(), nullable=True),
        sa.Column("purpose", sa.String(), nullable=True),
        sa.Column("detail", sa.String(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("mac", sa.LargeBinary(), nullable=False),
    )
    op.drop_table("linked_role")  # nothing could write it so far
    op.create_table(
        "linked_role",
        sa.Column("provider", sa.String(), primary_key=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("external_id", sa.String(), nullable=True),
        sa.Column("session_seconds", sa.Integer(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column(
            "source_credential_id",
            sa.Integer(),
            sa.ForeignKey("credential.id", ondelete="RESTRICT"),
            nullable=True,
        ),
        sa.Column("token_file", sa.String(), nullable=True),
        sa.Column("settings", sa.String(), nullable=False),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("principal", sa.String(), nullable=False),
        sa.Column("problem", sa.String(), nullable=True),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.Column("checked_at", sa.Float(), nullable=True),
        sa.CheckConstraint("state IN ('authorizing', 'enabled', 'failed')", name="linked_role_state_known"),
        sa.CheckConstraint("source IN ('metadata', 'oidc', 'credential')", name="linked_role_source_known"),
    )
    with op.batch_alter_table("binding") as binding:
        binding.add_column(sa.Column("role", sa.String(), nullable=True))
        binding.create_foreign_key("binding_role", "linked_role", ["role"], ["provider"], ondelete="RESTRICT")

"""What is used of the CAs' rate limits, and the orders that may still use more."""

import sqlalchemy as sa
from alembic import op

revision = "0009_limits"
down_revision = "0008_certificates"


def upgrade() -> None:
    """Make the tables, empty: what was ordered before is not known."""
    op.create_table(
        "acme_limit",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("directory", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("full_at", sa.Float(), nullable=False),
        sa.Column("since", sa.Float(), nullable=False),
        sa.Column("held", sa.Integer(), nullable=False),
        sa.Column("not_before", sa.Float(), nullable=False),
        sa.UniqueConstraint("directory", "name", "subject", name="acme_limit_once"),
    )
    op.create_table(
        "acme_order",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("claim", sa.String(), nullable=False),
        sa.Column("stack", sa.String(), nullable=False),
        sa.Column("directory", sa.String(), nullable=False),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("names", sa.String(), nullable=False),
        sa.Column("renewal", sa.Boolean(), nullable=False),
        sa.Column("order_url", sa.String(), nullable=True),
        sa.Column("ends_at", sa.Float(), nullable=False),
        sa.UniqueConstraint("claim", name="acme_order_claim_once"),
    )
    op.create_index("acme_order_url", "acme_order", ["order_url"])

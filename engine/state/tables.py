"""The tables of stacks and their state, named as plain SQLAlchemy Core for statements.

Importing SQLModel takes longer than most commands; `rows.py` has the schema, and a test proves that both
agree.
"""

from sqlalchemy import Boolean, Float, Integer, LargeBinary, String, column, table

ACCESS_TOKEN = table(
    "access_token",
    column("id", Integer),
    column("name", String),
    column("hash", LargeBinary),
    column("project", String),
    column("stack", String),
    column("read_only", Boolean),
    column("made_by", String),
    column("created_at", Float),
    column("expires_at", Float),
    column("last_used_at", Float),
    column("seal", LargeBinary),
)
STACK = table(
    "stack",
    column("id", Integer),
    column("org", String),
    column("project", String),
    column("name", String),
    column("folder", String),
    column("version", Integer),
    column("tags", String),
    column("created_at", Float),
)
UPDATE = table(
    "stack_update",
    column("id", String),
    column("stack_id", Integer),
    column("kind", String),
    column("dry_run", Boolean),
    column("version", Integer),
    column("status", String),
    column("created_at", Float),
    column("started_at", Float),
    column("completed_at", Float),
    column("user", String),
    column("engine", String),
    column("lease_hash", LargeBinary),
    column("lease_expires_at", Float),
    column("owner_pid", Integer),
    column("owner_host", String),
    column("owner_started", String),
    column("message", String),
    column("environment", String),
    column("config", String),
    column("resource_changes", String),
    column("access", Integer),
)
RESOURCE_BODY = table(
    "resource_body",
    column("id", Integer),
    column("stack_id", Integer),
    column("digest", LargeBinary),
    column("body", LargeBinary),
)
CHECKPOINT = table(
    "checkpoint",
    column("stack_id", Integer),
    column("version", Integer),
    column("schema", Integer),
    column("features", String),
    column("resource_count", Integer),
    column("body", LargeBinary),
)
JOURNAL = table("journal", column("id", Integer), column("update_id", String), column("body", LargeBinary))
EVENT = table("event", column("update_id", String), column("sequence", Integer), column("body", LargeBinary))
CERTIFICATE = table(
    "certificate",
    column("id", Integer),
    column("stack_id", Integer),
    column("urn", String),
    column("name", String),
    column("serial", String),
    column("not_after", Float),
    column("due_at", Float),
    column("facts", String),
    column("renewal_window", String),
    column("ask_again", Float),
    column("failures", Integer),
    column("tried_at", Float),
    column("retry_at", Float),
    column("problem", String),
    column("wanted_epoch", Integer),
    column("revoked_at", Float),
)
ACME_ACCOUNT = table(
    "acme_account",
    column("id", Integer),
    column("stack_id", Integer),
    column("urn", String),
    column("uri", String),
    column("directory", String),
    column("facts", String),
)
ACME_ACCOUNT_KEY = table(
    "acme_account_key",
    column("id", Integer),
    column("stack_id", Integer),
    column("uri", String),
    column("epoch", Integer),
    column("sealed", LargeBinary),
    column("noted_at", Float),
)
ACME_TERMS = table(
    "acme_terms",
    column("id", Integer),
    column("directory", String),
    column("terms", String),
    column("seen_at", Float),
)

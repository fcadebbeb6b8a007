"""The tables of the vault as statements name them: plain SQLAlchemy Core.

Importing SQLModel takes longer than all the rest of a listing. `credentials.rows` has the schema; a test
proves that both agree.
"""

from typing import Final

from sqlalchemy import Float, Integer, LargeBinary, String, column, table

LATEST: Final = 253402300800  # seconds since the epoch: the year 10000, which no calendar here knows

VAULT = table(
    "vault",
    column("id", Integer),
    column("vault_id", String),
    column("wrapped_key", LargeBinary),
    column("created_at", Float),
    column("key_source", String),
    column("key_params", String),
    column("generation", Integer),
    column("digest", LargeBinary),
    column("audit_key", LargeBinary),
    column("audit_head", LargeBinary),
)
DATA_KEY = table("data_key", column("generation", Integer), column("sealed", LargeBinary))
CREDENTIAL = table(
    "credential",
    column("id", Integer),
    column("token", String),
    column("name", String),
    column("kind", String),
    column("state", String),
    column("version", Integer),
    column("created_at", Float),
    column("updated_at", Float),
    column("last_used_at", Float),
    column("last_used_for", String),
    column("scope", String),
)
FIELD = table(
    "credential_field",
    column("credential_id", Integer),
    column("version", Integer),
    column("name", String),
    column("sealed", LargeBinary),
)
LEASE = table(
    "credential_lease",
    column("id", Integer),
    column("credential_id", Integer),
    column("version", Integer),
    column("holder", String),
    column("purpose", String),
    column("host", String),
    column("pid", Integer),
    column("process_started", Float),
    column("since", Float),
)
ROLE = table(
    "linked_role",
    column("provider", String),
    column("state", String),
    column("role", String),
    column("external_id", String),
    column("session_seconds", Integer),
    column("source", String),
    column("source_credential_id", Integer),
    column("token_file", String),
    column("settings", String),
    column("account", String),
    column("principal", String),
    column("problem", String),
    column("created_at", Float),
    column("checked_at", Float),
)

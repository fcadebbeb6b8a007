"""Proves that a vault is what tic has made of it: its tables, its fields, when each was last used.

The audit log has its own proof (`credentials.audit_chain`). Each function here says what it found whole, or
raises what is wrong.
"""

from itertools import groupby
from typing import TYPE_CHECKING, Final

from sqlalchemy import func

from credentials import store
from credentials.audit import noted
from credentials.audit_store import AUDIT
from credentials.contents import DamagedCredential, open_fields
from credentials.credential import Credential
from credentials.errors import CredentialError
from credentials.refusals import ChangedBehindTheVault, DamagedRow
from credentials.tables import FIELD

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from credentials.ledger import Ledger
    from credentials.sealing import Sealer
    from credentials.unlocking import Keys
    from credentials.vault_store import VaultRecord

MOMENT: Final = 60.0  # seconds
_NAMED: Final = 5  # how many damaged credentials a message names


class CredentialsDamaged(CredentialError):
    """Some credentials do not open, or are not noted as they were used."""

    exit_code = 5

    def __init__(self, what: str, names: list[str]) -> None:
        named = ", ".join(repr(name) for name in names[:_NAMED])
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        super().__init__(
            f"{what}: {named}{more}",
            hint="put a backup back: tic vault restore FILE; or give the values anew: "
            f"tic creds rotate {names[0]}",
        )


def prove_tables(connection: "Connection", ledger: "Ledger", record: "VaultRecord", keys: "Keys") -> str:
    """The digest over the tables; raises ChangedBehindTheVault."""
    if keys.audit is None:
        return "made by an older tic, which sealed no tables; they are sealed with the next change"
    if not ledger.is_guarded(connection, record, keys):
        raise ChangedBehindTheVault
    position = ledger.position(connection, record, keys)
    return f"as change {position.counter} left them"


def prove_credentials(connection: "Connection", sealer: "Sealer") -> str:
    """Every field of every version opens; raises CredentialsDamaged, DamagedRow."""
    credentials = {one.id: one for one in store.everything(connection)}
    rows = connection.execute(FIELD.select().order_by(FIELD.c.credential_id, FIELD.c.version)).all()
    whole: set[tuple[int, int]] = set()
    damaged: dict[str, None] = {}
    for (credential_id, version), found in groupby(rows, key=lambda row: (row.credential_id, row.version)):
        if credential_id not in credentials or type(version) is not int:
            raise DamagedRow("credential_field")
        credential = credentials[credential_id].at(version)
        sealed = {str(row.name): row.sealed if isinstance(row.sealed, bytes) else b"" for row in found}
        try:
            open_fields(sealer, credential, sealed)
        except DamagedCredential:
            damaged[credential.name] = None
        else:
            whole.add((credential_id, version))
    for credential in credentials.values():
        if (credential.id, credential.version) not in whole:
            damaged[credential.name] = None
    if damaged:
        raise CredentialsDamaged("credentials do not open", list(damaged))
    return f"{len(credentials)} credentials, {len(rows)} fields: all open"


def prove_uses(connection: "Connection") -> str:
    """The last use that each credential notes is the one in the audit log; raises CredentialsDamaged."""
    newest = (
        AUDIT.select()
        .with_only_columns(func.max(AUDIT.c.seq))
        .where(AUDIT.c.purpose.is_not(None), AUDIT.c.outcome == "done")
        .group_by(AUDIT.c.credential)
    )
    uses = connection.execute(AUDIT.select().where(AUDIT.c.seq.in_(newest)))
    last = {row.credential: (row.at / 1_000_000, row.purpose) for row in uses if type(row.at) is int}
    logged = set(
        connection.execute(
            AUDIT.select().with_only_columns(AUDIT.c.credential).where(AUDIT.c.action == "credential.new")
        ).scalars()
    )
    wrong = [
        one.name
        for one in store.everything(connection)
        if not _is_noted(one, last.get(one.token), from_the_start=one.token in logged)
    ]
    if wrong:
        raise CredentialsDamaged("their last use is not the one in the audit log", wrong)
    return "each last use is the one in the audit log"


def _is_noted(credential: Credential, last: tuple[float, str] | None, *, from_the_start: bool) -> bool:
    """Whether a credential's row says of its last use what the log says, which may be younger than it."""
    if last is None:
        return not from_the_start or (credential.last_used_at, credential.last_used_for) == (None, None)
    if credential.last_used_at is None or credential.last_used_for is None:
        return False
    at, purpose = last
    # The row is written a moment before the log.
    return abs(credential.last_used_at - at) < MOMENT and noted(credential.last_used_for) == purpose

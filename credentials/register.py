"""The register of a vault: what it holds, without opening any secret. Listing needs no key."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from credentials import kinds, role_store, store
from credentials.contents import open_fields
from credentials.credential import Credential, CredentialView, KeptVersion, Lease, RoleState
from credentials.errors import CredentialError
from credentials.refusals import NoCredential
from credentials.secret import MASK

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from credentials.ledger import Ledger
    from credentials.ports import Transactions, Usage


@dataclass(frozen=True, slots=True)
class VaultStatus:
    """What a vault is.

    When it was made (seconds since the epoch, UTC), where its key comes from, how many data keys it has had,
    and what keeps it from opening.
    """

    vault_id: str
    created_at: float
    credentials: int
    key_source: str
    generation: int
    key_problem: CredentialError | None


class Register:
    """Reads a vault; each method is one snapshot."""

    def __init__(self, database: "Transactions", ledger: "Ledger", usage: "Usage") -> None:
        self._database = database
        self._usage = usage
        self.ledger = ledger

    def status(self) -> VaultStatus:
        """What this vault is, and whether its key opens it; raises NoVault."""
        with self._database.read() as connection:
            record = self.ledger.record(connection)
            count = len(store.names(connection))
        try:
            problem, _ = None, self.ledger.unlock()
        except CredentialError as error:
            problem = error
        return VaultStatus(
            record.vault_id, record.created_at, count, record.key_source, record.generation, problem
        )

    def list(self) -> Sequence[CredentialView]:
        """All credentials with the stacks that use them, by kind, the Active one first, then by name."""
        with self._database.read() as connection:
            used = self._usage.by_credential(connection)
            return [CredentialView(one, tuple(used.get(one.id, ()))) for one in store.everything(connection)]

    def find(self, reference: str) -> Credential:
        """The credential of this name or token; raises NoCredential."""
        with self._database.read() as connection:
            return found(connection, reference)

    def view(self, reference: str) -> CredentialView:
        """The credential of this name or token with the stacks that use it; raises NoCredential."""
        with self._database.read() as connection:
            return self._viewed(connection, found(connection, reference))

    def field_names(self, reference: str) -> tuple[str, ...]:
        """Which fields a credential has; opens nothing. Raises NoCredential."""
        with self._database.read() as connection:
            return tuple(store.fields(connection, found(connection, reference)))

    def described(self, reference: str) -> dict[str, str]:
        """A credential's fields as they may be shown: `***` for secrets.

        Raises NoCredential, DamagedCredential.
        """
        with self._database.read() as connection:
            credential = found(connection, reference)
            fields = open_fields(
                self.ledger.unlock().sealer, credential, store.fields(connection, credential)
            )
        public = {one.name for one in kinds.load(credential.kind).fields if not one.secret}
        return {name: value.reveal().decode() if name in public else MASK for name, value in fields.items()}

    def active(self, kind: str) -> Credential | None:
        """The credential that new stacks of this kind bind (SPEC B3)."""
        with self._database.read() as connection:
            return store.active(connection, kind)

    def role(self, provider: str) -> RoleState:
        """The state of the provider's linked role."""
        with self._database.read() as connection:
            return role_store.state(connection, provider)

    def versions(self, reference: str) -> Sequence[KeptVersion]:
        """What is sealed of a credential, oldest first, the present version last. Raises NoCredential."""
        with self._database.read() as connection:
            credential = found(connection, reference)
            leases = store.leases(connection, credential.id)
            return [
                KeptVersion(version, tuple(lease for lease in leases if lease.version == version))
                for version in store.kept_versions(connection, credential.id)
            ]

    def leases(self) -> Sequence[Lease]:
        """Who works with which version of which credential."""
        with self._database.read() as connection:
            return store.leases(connection)

    def _viewed(self, connection: "Connection", credential: Credential) -> CredentialView:
        return CredentialView(credential, tuple(self._usage.stacks_using(connection, credential.id)))


def found(connection: "Connection", reference: str) -> Credential:
    """The credential of this name or token; raises NoCredential."""
    credential = store.find(connection, reference)
    if credential is None:
        raise NoCredential(reference, store.names(connection))
    return credential

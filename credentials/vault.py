"""The vault: makes, finds, opens, rotates and deletes credentials, and seals the stacks' secrets.

Each method is one transaction: it reads what the rules need, asks them, and writes. The key is read when
something is sealed or opened for the first time, so listing works, and is quick, without it.
"""

import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from credentials import kinds, rules, store
from credentials.contents import open_field, open_fields, seal_fields
from credentials.credential import Activated, Credential, CredentialView, OpenedCredential, Rotated, State
from credentials.errors import CredentialError
from credentials.keys import KeyUnusable, make_key_file, read_key_file
from credentials.names import checked_name
from credentials.ports import Transactions, Usage
from credentials.refusals import (
    ConflictingChange,
    DamagedSecret,
    NameTaken,
    NoCredential,
    NoVault,
    VaultExists,
)
from credentials.sealing import KEY_BYTES, BrokenSeal, Sealer
from credentials.secret import MASK, SecretBytes

_DATA_KEY = ("data-key",)


@dataclass(frozen=True, slots=True)
class VaultStatus:
    """The vault's id, when it was made (seconds since the epoch, UTC), what keeps its key from opening it."""

    vault_id: str
    created_at: float
    credentials: int
    key_problem: CredentialError | None


class Vault:
    """The credentials of one database, under one key; safe to use from several threads and processes."""

    def __init__(
        self, database: Transactions, key_file: Path, *, usage: Usage, now: Callable[[], float] = time.time
    ) -> None:
        self._database = database
        self._key_file = key_file
        self._usage = usage
        self._now = now

    @classmethod
    def create(cls, database: Transactions, key_file: Path, *, usage: Usage) -> "Vault":
        """A new vault with a new key; raises VaultExists, and changes nothing, where there is one."""
        vault = cls(database, key_file, usage=usage)
        with database.write() as connection:
            if store.vault_row(connection) is not None:
                raise VaultExists(key_file.parent)
            # A crash after this line leaves a key that seals nothing yet; the next attempt takes it.
            key = read_key_file(key_file) if key_file.exists() else make_key_file(key_file)
            vault_id = secrets.token_hex(16)
            wrapped = Sealer(key, vault_id).seal(_DATA_KEY, secrets.token_bytes(KEY_BYTES))
            store.add_vault(connection, vault_id, wrapped, vault._now())
        return vault

    @classmethod
    def open(cls, database: Transactions, key_file: Path, *, usage: Usage) -> "Vault":
        """The vault of this database; whether its key opens it shows when the key is first needed."""
        return cls(database, key_file, usage=usage)

    def status(self) -> VaultStatus:
        """What this vault is, and whether its key opens it; raises NoVault."""
        with self._database.read() as connection:
            row = store.vault_row(connection)
            count = len(store.names(connection))
        if row is None:
            raise NoVault
        try:
            problem, _ = None, self._sealer
        except CredentialError as error:
            problem = error
        return VaultStatus(row.vault_id, row.created_at, count, problem)

    def check_new(self, name: str, kind: str) -> None:
        """Raise what `new` would raise whatever the fields are, before anybody types a secret."""
        name, _ = checked_name(name), kinds.load(kind)
        with self._database.read() as connection:
            if store.vault_row(connection) is None:
                raise NoVault
            _may_make(connection, name, kind)

    def new(self, name: str, kind: str, fields: Mapping[str, str]) -> Credential:
        """A new credential: Active if it is the first of its kind, else Ready (SPEC B2).

        Raises BadName, UnknownKind, InvalidFields, NameTaken, RoleServesProvider.
        """
        name, fields = checked_name(name), kinds.load(kind).checked(fields)
        with self._changing() as connection:
            _may_make(connection, name, kind)
            state = rules.state_of_new(store.active(connection, kind))
            credential = store.add(connection, name, kind, state, self._now())
            self._put(connection, credential, credential.version, fields)
        return credential

    def list(self) -> list[CredentialView]:
        """All credentials with the stacks that use them, by kind, the Active one first, then by name."""
        with self._database.read() as connection:
            used = self._usage.by_credential(connection)
            return [CredentialView(one, tuple(used.get(one.id, ()))) for one in store.everything(connection)]

    def find(self, reference: str) -> Credential:
        """The credential of this name or token; raises NoCredential."""
        with self._database.read() as connection:
            return _found(connection, reference)

    def view(self, reference: str) -> CredentialView:
        """The credential of this name or token with the stacks that use it; raises NoCredential."""
        with self._database.read() as connection:
            return self._viewed(connection, reference)

    def field_names(self, reference: str) -> tuple[str, ...]:
        """Which fields a credential has; opens nothing. Raises NoCredential."""
        with self._database.read() as connection:
            return tuple(store.fields(connection, _found(connection, reference)))

    def described(self, reference: str) -> dict[str, str]:
        """A credential's fields as they may be shown: `***` for secrets.

        Raises NoCredential, DamagedCredential.
        """
        with self._database.read() as connection:
            credential = _found(connection, reference)
            fields = open_fields(self._sealer, credential, store.fields(connection, credential))
        public = {one.name for one in kinds.load(credential.kind).fields if not one.secret}
        return {name: value.reveal().decode() if name in public else MASK for name, value in fields.items()}

    def active(self, kind: str) -> Credential | None:
        """The credential that new stacks of this kind bind (SPEC B3)."""
        with self._database.read() as connection:
            return store.active(connection, kind)

    def activate(self, reference: str) -> Activated:
        """Make this credential the Active one of its kind, and the one before Ready: both or neither (B2)."""
        with self._changing() as connection:
            credential = _found(connection, reference)
            before = store.active(connection, credential.kind)
            if before is not None and before.id == credential.id:
                return Activated(credential, None)
            if before is not None:
                store.set_state(connection, before, State.READY)
            store.set_state(connection, credential, State.ACTIVE)
            return Activated(
                _found(connection, credential.token), before and _found(connection, before.token)
            )

    def rotate(self, reference: str, fields: Mapping[str, str]) -> Rotated:
        """Replace what is in a credential; its token, state and bindings stay (SPEC B5).

        Fields that are no secret stay as they are unless they are given (`Kind.carried`). What was sealed for
        the version before is deleted in the same transaction. Raises NoCredential, InvalidFields,
        DamagedCredential.
        """
        with self._changing() as connection:
            credential = _found(connection, reference)
            kind = kinds.load(credential.kind)
            before = store.fields(connection, credential)
            carried = {
                name: open_field(self._sealer, credential, name, before).reveal().decode()
                for name in kind.carried(fields, before)
            }
            after = kind.checked({**carried, **fields})
            version = credential.version + 1
            self._put(connection, credential, version, after)
            store.set_version(connection, credential, version, self._now())
            return Rotated(_found(connection, credential.token), tuple(sorted(before.keys() - after.keys())))

    def check_delete(self, reference: str) -> CredentialView:
        """The credential that `delete` would delete now, or what it would raise."""
        with self._database.read() as connection:
            return self._deletable(connection, reference)

    def delete(self, reference: str) -> CredentialView:
        """Delete a credential for good, and return what it was, with the stacks that fall back to the role.

        Raises NoCredential, CredentialInUse, CredentialIsActive (SPEC A8).
        """
        with self._changing() as connection:
            view = self._deletable(connection, reference)
            if view.used_by:
                self._usage.fall_back_to_role(connection, view.credential.id)
            store.remove(connection, view.credential)
        return view

    def opened(self, reference: str, *, purpose: str) -> OpenedCredential:
        """What is in a credential, with its kind's defaults; when and for what it was opened is noted first.

        Raises NoCredential, DamagedCredential, KeyUnusable, UnknownKind.
        """
        with self._changing() as connection:
            credential = _found(connection, reference)
            kind = kinds.load(credential.kind)
            sealed = store.fields(connection, credential)
            fields = {name: SecretBytes(value.encode()) for name, value in kind.defaults().items()}
            fields |= open_fields(self._sealer, credential, sealed)
            store.note_use(connection, credential, purpose, self._now())
        return OpenedCredential(credential, fields)

    def seal(self, context: str, plaintext: bytes) -> bytes:
        """`plaintext` sealed for `context`, such as "stack:12"; opens only with the same context."""
        return self._sealer.seal(("context", context), plaintext)

    def unseal(self, context: str, sealed: bytes) -> bytes:
        """What was sealed for `context`; raises DamagedSecret for another context or a changed bit."""
        try:
            return self._sealer.open(("context", context), sealed)
        except BrokenSeal:
            raise DamagedSecret(context) from None

    @cached_property
    def _sealer(self) -> Sealer:
        """Seals with the data key; two threads that come first may both unwrap it, with one result."""
        with self._database.read() as connection:
            row = store.vault_row(connection)
        if row is None:
            raise NoVault
        try:
            key = Sealer(read_key_file(self._key_file), row.vault_id).open(_DATA_KEY, row.wrapped_key)
        except BrokenSeal:
            raise KeyUnusable(
                f"the vault key {self._key_file} is not the one that this vault was made with, or the "
                "vault's own row was changed",
                hint=f"put the right key back from your backup: cp BACKUP {self._key_file}",
            ) from None
        return Sealer(SecretBytes(key), row.vault_id)

    def _viewed(self, connection: Connection, reference: str) -> CredentialView:
        credential = _found(connection, reference)
        return CredentialView(credential, tuple(self._usage.stacks_using(connection, credential.id)))

    def _deletable(self, connection: Connection, reference: str) -> CredentialView:
        view = self._viewed(connection, reference)
        kind = view.credential.kind
        role, ready = store.role(connection, kind), store.ready(connection, kind)
        rules.may_delete(view.credential, role=role, used_by=view.used_by, ready=ready)
        return view

    @contextmanager
    def _changing(self) -> Iterator[Connection]:
        try:
            with self._database.write() as connection:
                yield connection
        except IntegrityError:
            # Its text holds the statement's parameters, so no part of it is shown or kept.
            raise ConflictingChange from None

    def _put(
        self, connection: Connection, credential: Credential, version: int, fields: Mapping[str, str]
    ) -> None:
        sealed = seal_fields(self._sealer, credential, version, fields)
        store.add_fields(connection, credential.id, version, sealed)


def _may_make(connection: Connection, name: str, kind: str) -> None:
    if store.find(connection, name) is not None:
        raise NameTaken(name)
    rules.may_create(kind, role=store.role(connection, kind))


def _found(connection: Connection, reference: str) -> Credential:
    credential = store.find(connection, reference)
    if credential is None:
        raise NoCredential(reference, store.names(connection))
    return credential

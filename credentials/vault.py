"""The vault: makes, finds, opens, rotates and deletes credentials, and seals the stacks' secrets.

Each method is one transaction: it reads what the rules need, asks them, and writes; `credentials.ledger`
proves the tables before, tells the audit log, and seals them after. The key is read when something is first
sealed, opened or changed, so listing works, and is quick, without it.
"""

import secrets
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from credentials import kinds, role_store, rules, scopes, store, vault_store, versions
from credentials.audit import Event
from credentials.contents import DamagedCredential, open_field, open_fields, seal_fields
from credentials.credential import (
    Activated,
    Credential,
    OpenedCredential,
    Rotated,
    State,
    Use,
)
from credentials.errors import CredentialError
from credentials.ledger import Change, Ledger
from credentials.linked_roles import LinkedRoles
from credentials.names import checked_name
from credentials.refusals import DamagedSecret, NameTaken, NothingNew, VaultExists
from credentials.register import found
from credentials.removal import Removal, about
from credentials.scopes import EVERYWHERE, NOWHERE, Place
from credentials.sealing import BrokenSeal, Sealer, generation_of
from credentials.secret import SecretBytes
from credentials.unlocking import new_key, rewrapped

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from credentials.keys import Maker
    from credentials.ports import Alive, Transactions, Usage


@dataclass(frozen=True, slots=True)
class Proposal:
    """What a rotation would make of a credential, and whether other secrets, or their ids, would be in it."""

    opened: OpenedCredential
    replaces_secrets: bool


class Vault(Removal):
    """The credentials of one database, under one key; safe to use from several threads and processes."""

    def __init__(
        self,
        database: "Transactions",
        folder: Path,
        *,
        usage: "Usage",
        actor: str = "",
        now: Callable[[], float] = time.time,
    ) -> None:
        """`folder` holds the key, if a file does, and the anchor; `actor` is who the audit log names."""
        self._now = now
        super().__init__(database, Ledger(database, folder, usage=usage, actor=actor, now=now), usage)
        self.linked = LinkedRoles(database, self.ledger, usage, now)

    @classmethod
    def create(
        cls,
        database: "Transactions",
        folder: Path,
        *,
        usage: "Usage",
        actor: str = "",
        make_key: "Maker | None" = None,
    ) -> "Vault":
        """A new vault with a new key, by default in a file; raises VaultExists, and changes nothing, where
        there is one; DamagedVault where there was one.
        """
        from credentials import keys

        vault = cls(database, folder, usage=usage, actor=actor)
        make = make_key or keys.prepare("file")
        with database.write() as connection:
            if vault_store.find(connection) is not None:
                raise VaultExists(folder)
            vault_id = secrets.token_hex(16)
            # A crash after this line leaves a key that seals nothing yet; the next attempt takes it.
            made = make(folder, vault_id)
            vault_store.add(connection, vault_id, vault._now())
            record = vault.ledger.record(connection)
            opened = rewrapped(
                connection,
                record,
                wrapping=made.key,
                data=new_key(),
                generation=1,
                retired={},
                audit=new_key(),
                source=made.source,
                parameters=made.params,
            )
            begun = Change(connection, vault_id, opened, Event("vault.init", "done"))
            vault.ledger.seal_everything(begun, 1)
            position = vault.ledger.position(connection, vault.ledger.record(connection), opened)
        vault.ledger.anchor.move(opened.sealer, position)
        return vault

    @classmethod
    def open(cls, database: "Transactions", folder: Path, *, usage: "Usage", actor: str = "") -> "Vault":
        """The vault of this database; whether its key opens it shows when the key is first needed."""
        return cls(database, folder, usage=usage, actor=actor)

    def change(self, action: str, **about: Any) -> AbstractContextManager[Change]:
        """A transaction of the engine's that changes what the vault's digest guards: who is bound to what.

        `action` names it in the audit log, `about` as `audit.Event` does. Raises as `Ledger.change`.
        """
        return self.ledger.change(Event(action, "done", **about))

    def quiet_change(self, attempt: Event | None = None) -> AbstractContextManager[Change]:
        """As `change`, where nothing may come of it: the audit log is told only what the block adds.

        `attempt` is what it is told where a rule refuses.
        """
        return self.ledger.change(None, attempt=attempt)

    def note(self, event: Event) -> None:
        """Write an audit entry of something that changed nothing in the vault."""
        self.ledger.tell(event)

    def check_new(self, name: str, kind: str) -> None:
        """Raise what `new` would raise whatever the fields are, before anybody types a secret."""
        name, kind = checked_name(name), kinds.load(kind).name
        attempt = Event("credential.new", "done", name=name, kind=kind)
        with self.ledger.checking(attempt), self._database.read() as connection:
            self.ledger.record(connection)
            _may_make(connection, name, kind)

    def new(self, name: str, kind: str, fields: Mapping[str, str], *, scope: str = EVERYWHERE) -> Credential:
        """A new credential: Active if it is the first of its kind, else Ready (SPEC B2).

        Raises BadName, UnknownKind, BadScope, InvalidFields, NameTaken, RoleServesProvider.
        """
        known = kinds.load(kind)  # by any of its names; it is kept under its own
        name, kind, fields = checked_name(name), known.name, known.checked(fields)
        scope = scopes.checked_scope(scope)
        event = Event("credential.new", "done", name=name, kind=kind, detail={"scope": scope})
        with self.ledger.change(event) as change:
            connection = change.connection
            _may_make(connection, name, kind)
            state = rules.state_of_new(store.active(connection, kind))
            credential = store.add(connection, name, kind, state, self._now(), scope=scope)
            self._put(change, credential, credential.version, fields)
            change.about(credential=credential.token)
        return credential

    def activate(self, reference: str) -> Activated:
        """Make this credential the Active one of its kind, and the one before Ready: both or neither (B2)."""
        with self.ledger.change(Event("credential.activate", "done")) as change:
            connection = change.connection
            credential = found(connection, reference)
            change.about(**about(credential))
            before = store.active(connection, credential.kind)
            if before is not None and before.id == credential.id:
                return Activated(credential, None)
            if before is not None:
                store.set_state(connection, before, State.READY)
            store.set_state(connection, credential, State.ACTIVE)
            return Activated(found(connection, credential.token), before and found(connection, before.token))

    def rescope(self, reference: str, scope: str) -> Credential:
        """Let the credential be used there and nowhere else (SPEC B7).

        Raises NoCredential, BadScope, ScopeInUse where a stack that it serves lies outside.
        """
        scope = scopes.checked_scope(scope)
        with self.ledger.change(Event("credential.scope", "done", detail={"scope": scope})) as change:
            connection = change.connection
            credential = found(connection, reference)
            change.about(**about(credential))
            outside = self._usage.stacks_outside(connection, credential.id, scope)
            rules.may_rescope(credential, scope, outside=outside)
            sealer = change.keys.sealer
            for version in store.kept_versions(connection, credential.id):
                one = credential.at(version)
                fields = open_fields(sealer, one, store.fields(connection, one))
                values = {name: value.reveal().decode() for name, value in fields.items()}
                sealed = seal_fields(sealer, credential.scoped(scope), version, values)
                store.replace_fields(connection, credential.id, version, sealed)
            return store.set_scope(connection, credential, scope)

    def rotate(
        self,
        reference: str,
        fields: Mapping[str, str],
        *,
        alive: "Alive | None" = None,
        verified: str = "no",
    ) -> Rotated:
        """Replace what is in a credential; its token, state, scope and bindings stay (SPEC B5).

        Fields that are no secret stay as they are unless they are given (`Kind.carried`). What was sealed for
        an earlier version is deleted unless somebody works with it who is still `alive` (all count as alive
        where nobody can tell). `verified` is what the audit log is told of who the new values are.
        Raises NoCredential, InvalidFields, DamagedCredential.
        """
        with self.ledger.change(Event("credential.rotate", "done")) as change:
            connection = change.connection
            credential = found(connection, reference)
            change.about(**about(credential))
            before = store.fields(connection, credential)
            after = self._after_rotation(change.keys.sealer, credential, before, fields)
            version = credential.version + 1
            self._put(change, credential, version, after)
            store.set_version(connection, credential, version, self._now())
            change.about(detail={"version": str(version), "verified": verified})
            versions.forget(connection, versions.unneeded(connection, alive, credential.id))
            *earlier, _present = store.kept_versions(connection, credential.id)
            dropped = sorted(before.keys() - after.keys())
            return Rotated(found(connection, credential.token), tuple(dropped), tuple(earlier))

    def amend(
        self, reference: str, field: str, change: Callable[[str], str], *, alive: "Alive | None" = None
    ) -> Credential:
        """Let one field hold what `change` makes of it ("" where it is not given); the others stay.

        It is read and written in one transaction, so whoever amends it meanwhile loses nothing. A new version
        begins as with `rotate`, unless nothing changes. Raises as `rotate`, and what `change` raises.
        """
        attempt = Event("credential.amend", "done", detail={"field": field})
        with self.ledger.change(None, attempt=attempt) as changing:
            connection, sealer = changing.connection, changing.keys.sealer
            credential = found(connection, reference)
            before = open_fields(sealer, credential, store.fields(connection, credential))
            values = {name: value.reveal().decode() for name, value in before.items()}
            changed = change(values.get(field, ""))
            if changed == values.get(field, ""):
                return credential
            after = kinds.load(credential.kind).checked({**values, field: changed})
            version = credential.version + 1
            self._put(changing, credential, version, after)
            store.set_version(connection, credential, version, self._now())
            changing.event = replace(attempt, **about(credential))
            versions.forget(connection, versions.unneeded(connection, alive, credential.id))
            return found(connection, credential.token)

    def after_rotation(self, reference: str, fields: Mapping[str, str]) -> Proposal:
        """What `rotate` would make of a credential, with its kind's defaults; changes nothing.

        Raises NothingNew, and what `rotate` raises for fields that make no credential.
        """
        with self._database.read() as connection:
            credential = found(connection, reference)
            sealed = store.fields(connection, credential)
        sealer, kind = self.ledger.unlock().sealer, kinds.load(credential.kind)
        values = self._after_rotation(sealer, credential, sealed, fields)
        after = {name: SecretBytes(value.encode()) for name, value in values.items()}
        before = _opened_or_none(sealer, credential, sealed)
        if after == before:
            raise NothingNew(credential.name)
        secret = [one.name for one in kind.fields if one.secret or one.rotates]
        same = before is not None and all(before.get(name) == after.get(name) for name in secret)
        defaults = {name: SecretBytes(value.encode()) for name, value in kind.defaults().items()}
        return Proposal(OpenedCredential(credential, defaults | after), not same)

    def opened(
        self,
        reference: str,
        *,
        purpose: str,
        place: Place = NOWHERE,
        use: Use | None = None,
        action: str = "credential.open",
        stack: str | None = None,
        check: Callable[[OpenedCredential], object] | None = None,
    ) -> OpenedCredential:
        """What is in a credential, with its kind's defaults; the audit log has it before anybody does (B10).

        `place` is where it is used; `use` leases this version, so that it stays sealed until `release`.
        Where `check` raises, what is in it serves for nothing: that counts as no use, and as failed.
        Raises what `check` raises, NoCredential, OutOfScope, DamagedCredential, KeyUnusable, UnknownKind.
        """
        event = Event(action, "done", purpose=purpose, stack=stack)
        with self.ledger.use(event) as change:
            connection = change.connection
            credential = found(connection, reference)
            change.about(**about(credential))
            scopes.check(credential.name, credential.scope, place)
            kind = kinds.load(credential.kind)
            sealed = store.fields(connection, credential)
            fields = {name: SecretBytes(value.encode()) for name, value in kind.defaults().items()}
            fields |= open_fields(change.keys.sealer, credential, sealed)
            opened = OpenedCredential(credential, fields)
            problem = _problem_of(check, opened)
            if problem is not None:
                change.about(outcome="failed", detail={"why": str(problem)})
            else:
                store.note_use(connection, credential, purpose, self._now())
                if use is not None:
                    store.add_lease(connection, credential, use, self._now())
        if problem is not None:
            raise problem
        return opened

    def release(self, holder: str, *, alive: "Alive | None" = None) -> None:
        """End what `holder` works with, and delete the versions that nobody works with any more."""
        with self.ledger.writing() as connection:
            store.end_leases(connection, holder)
        self.sweep(alive=alive)

    def sweep(self, *, alive: "Alive | None" = None) -> None:
        """Forget who is not `alive` any more, and the versions that nobody works with; mostly there are none.

        All count as alive where nobody can tell.
        """
        with self._database.read() as connection:
            if not versions.unneeded(connection, alive):
                return
        with self.quiet_change() as change:
            versions.forget(change.connection, versions.unneeded(change.connection, alive))

    def seal(self, context: str, plaintext: bytes) -> bytes:
        """`plaintext` sealed for `context`, such as "stack:12"; opens only with the same context."""
        return self.ledger.unlock().sealer.seal(("context", context), plaintext)

    def unseal(self, context: str, sealed: bytes) -> bytes:
        """What was sealed for `context`; raises DamagedSecret for another context or a changed bit."""
        keys, owner = self.ledger.unlock(), ("context", context)
        if generation_of(sealed) > keys.sealer.generation:
            keys = self.ledger.newest_keys()  # another process has given the vault a new data key
        try:
            return keys.sealer.open(owner, sealed)
        except BrokenSeal:
            raise DamagedSecret(context) from None

    def _put(self, change: Change, credential: Credential, version: int, fields: Mapping[str, str]) -> None:
        sealed = seal_fields(change.keys.sealer, credential, version, fields)
        store.add_fields(change.connection, credential.id, version, sealed)

    def _after_rotation(
        self, sealer: Sealer, credential: Credential, before: Mapping[str, bytes], given: Mapping[str, str]
    ) -> dict[str, str]:
        kind = kinds.load(credential.kind)
        carried = {
            name: open_field(sealer, credential, name, before).reveal().decode()
            for name in kind.carried(given, before)
        }
        return kind.checked({**carried, **given})


def _opened_or_none(
    sealer: Sealer, credential: Credential, sealed: Mapping[str, bytes]
) -> dict[str, SecretBytes] | None:
    """What is in a credential; None where it is damaged, which new values mend."""
    try:
        return open_fields(sealer, credential, sealed)
    except DamagedCredential:
        return None


def _problem_of(
    check: Callable[[OpenedCredential], object] | None, opened: OpenedCredential
) -> CredentialError | None:
    """What `check` says against a credential that is open."""
    try:
        if check is not None:
            check(opened)
    except CredentialError as problem:
        return problem
    return None


def _may_make(connection: "Connection", name: str, kind: str) -> None:
    if store.find(connection, name) is not None:
        raise NameTaken(name)
    rules.may_create(kind, role=role_store.state(connection, kind))

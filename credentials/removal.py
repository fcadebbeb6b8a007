"""Takes credentials out of a vault: one that nobody needs, or all that a linked role makes needless."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from credentials import kinds, role_store, rules, store
from credentials.audit import Event
from credentials.credential import Cleared, Credential, CredentialView
from credentials.ledger import Change
from credentials.register import Register, found

if TYPE_CHECKING:
    from sqlalchemy import Connection


class Removal(Register):
    """Deletes and clears credentials; each method is one transaction."""

    def check_delete(self, reference: str) -> CredentialView:
        """The credential that `delete` would delete now, or what it would raise."""
        with self._database.read() as connection:
            credential = found(connection, reference)
        attempt = Event("credential.delete", "done", **about(credential))
        with self.ledger.checking(attempt), self._database.read() as connection:
            return self._deletable(connection, credential)

    def delete(self, reference: str) -> CredentialView:
        """Delete a credential for good, and return what it was, with the stacks that fall back to the role.

        Raises NoCredential, CredentialInUse, CredentialIsActive (SPEC A8).
        """
        with self.ledger.change(Event("credential.delete", "done")) as change:
            credential = found(change.connection, reference)
            change.about(**about(credential))
            view = self._deletable(change.connection, credential)
            self._remove(change, view)
        return view

    def clearable(self) -> Sequence[str]:
        """The providers whose credentials `clear` deletes; raises NoRoleEnabled where there is none (A7)."""
        attempt = Event("credential.clear", "done")
        with self.ledger.checking(attempt), self._database.read() as connection:
            linked = role_store.everything(connection)
            return rules.clearable({each.role.provider: each.state for each in linked})

    def check_clear(self, kind: str, *, keep_source: bool = False) -> Sequence[Credential]:
        """The credentials that `clear` would delete now, or what it would raise."""
        kind = kinds.load(kind).name
        attempt = Event("credential.clear", "done", kind=kind)
        with self.ledger.checking(attempt), self._database.read() as connection:
            return self._clearable(connection, kind, keep_source=keep_source)[0]

    def clear(self, kind: str, *, keep_source: bool = False) -> Cleared:
        """Delete every credential of a provider; its enabled role serves their stacks from then on, which is
        the same transaction (SPEC A7).

        The credential with which the role itself is taken on is only let go of by the stacks, and only with
        `keep_source`. Raises NothingToFallBackTo, CredentialTakesRoleOn, UnknownKind.
        """
        kind = kinds.load(kind).name
        with self.ledger.change(Event("credential.clear", "done", kind=kind)) as change:
            leaving, staying = self._clearable(change.connection, kind, keep_source=keep_source)
            views = [self._viewed(change.connection, each) for each in (*leaving, *staying)]
            for view in views:
                self._hand_to_role(change, view)
            for credential in leaving:
                store.remove(change.connection, credential)
                change.further.append(Event("credential.delete", "done", **about(credential)))
        stacks = tuple(dict.fromkeys(stack for view in views for stack in view.used_by))
        return Cleared(kind, tuple(leaving), stacks)

    def _clearable(
        self, connection: "Connection", kind: str, *, keep_source: bool
    ) -> tuple[list[Credential], list[Credential]]:
        """The credentials of a kind that `clear` deletes, and those that it keeps."""
        everyone = store.of_kind(connection, kind)
        sources = [
            (credential, provider)
            for credential in everyone
            for provider in role_store.taken_on_with(connection, credential.id)
        ]
        role = role_store.state(connection, kind)
        rules.may_clear(kind, role=role, has_any=bool(everyone), sources=sources, keep_source=keep_source)
        staying = {credential.id for credential, _provider in sources}
        return (
            [one for one in everyone if one.id not in staying],
            [one for one in everyone if one.id in staying],
        )

    def _deletable(self, connection: "Connection", credential: Credential) -> CredentialView:
        view = self._viewed(connection, credential)
        role, ready = role_store.state(connection, credential.kind), store.ready(connection, credential.kind)
        source_of = role_store.taken_on_with(connection, credential.id)
        rules.may_delete(credential, role=role, used_by=view.used_by, ready=ready, source_of=source_of)
        return view

    def _remove(self, change: Change, view: CredentialView) -> None:
        self._hand_to_role(change, view)
        store.remove(change.connection, view.credential)

    def _hand_to_role(self, change: Change, view: CredentialView) -> None:
        if view.used_by:
            self._usage.fall_back_to_role(change.connection, view.credential.id, view.credential.kind)


def about(credential: Credential) -> dict[str, Any]:
    """What the audit log says of a credential."""
    return {"credential": credential.token, "name": credential.name, "kind": credential.kind}

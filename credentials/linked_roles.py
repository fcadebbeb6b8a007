"""The linked roles of a vault: linked, tried, disabled. Each method is one transaction of the ledger's.

A role is linked before it works (Authorizing), and Enabled only once it was taken on (SPEC A2). One that was
enabled and can't be taken on any more is marked (Authorization failed), and keeps its stacks (SPEC A4).
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from credentials import role_store, rules
from credentials.audit import Event
from credentials.credential import RoleState
from credentials.register import found
from credentials.role_store import LinkedRole
from credentials.roles.errors import RoleError
from credentials.roles.role import Role, Session

if TYPE_CHECKING:
    from credentials.ledger import Ledger
    from credentials.ports import Transactions, Usage


class NotLinked(RoleError):
    """The provider has no linked role."""

    exit_code = 4

    def __init__(self, provider: str) -> None:
        super().__init__(
            f"no role of {provider} is linked", hint=f"link one: tic role enable {provider} --role ROLE"
        )


class LinkedRoles:
    """The roles of one vault; `Vault.linked` has it."""

    def __init__(
        self, database: "Transactions", ledger: "Ledger", usage: "Usage", now: Callable[[], float]
    ) -> None:
        self._database = database
        self._ledger = ledger
        self._usage = usage
        self._now = now

    def all(self) -> Sequence[LinkedRole]:
        """Every linked role, by provider."""
        with self._database.read() as connection:
            return role_store.everything(connection)

    def find(self, provider: str) -> LinkedRole:
        """The provider's linked role; raises NotLinked."""
        with self._database.read() as connection:
            linked = role_store.find(connection, provider)
        if linked is None:
            raise NotLinked(provider)
        return linked

    def stacks(self, provider: str) -> Sequence[str]:
        """The stacks that the provider's role serves, as `project/stack`."""
        with self._database.read() as connection:
            return self._usage.stacks_by_role(connection, provider)

    def link(self, role: Role) -> LinkedRole:
        """Link a role, or another one than before: Authorizing, until it was taken on (SPEC A2).

        Where stacks use the one before it stays enabled for them, as Authorization failed, until then.
        Raises NoCredential where the source's credential is none.
        """
        detail = {"role": role.role, "source": role.source.kind}
        with self._ledger.change(Event("role.link", "done", kind=role.provider, detail=detail)) as change:
            source_id = None
            if role.source.credential is not None:
                source_id = found(change.connection, role.source.credential).id
            used = self._usage.stacks_by_role(change.connection, role.provider)
            state = RoleState.FAILED if used else RoleState.AUTHORIZING
            role_store.put(change.connection, role, state, source_id, self._now())
        return self.find(role.provider)

    def taken_on(self, tried: LinkedRole, session: Session) -> LinkedRole:
        """Note that the role was taken on: it is Enabled from now on. Raises NotLinked."""
        return self._tried(tried, session, None)

    def not_taken_on(self, tried: LinkedRole, problem: str) -> LinkedRole:
        """Note what keeps the role from being taken on; one that was Enabled is Authorization failed (A4)."""
        return self._tried(tried, None, problem)

    def _tried(self, tried: LinkedRole, session: Session | None, problem: str | None) -> LinkedRole:
        """What came of a trial; it says nothing of a role that was linked instead meanwhile (SPEC A2)."""
        provider = tried.role.provider
        with self._ledger.writing() as connection:
            before = role_store.find(connection, provider)
            if before is None:
                raise NotLinked(provider)
            if before.role != tried.role:
                return before
            if not _news(before, session, problem):
                role_store.mark(connection, provider, checked_at=self._now())
                return before
        with self._ledger.change(None) as change:
            before = role_store.find(change.connection, provider)
            if before is not None and before.role == tried.role:
                news = _news(before, session, problem)
                role_store.mark(change.connection, provider, checked_at=self._now(), **news)
                action = f"role.{news.get('state', before.state.value)}"
                detail = {} if problem is None else {"why": problem}
                change.further.append(Event(action, "done", kind=provider, detail=detail))
        return self.find(provider)

    def check_unlink(self, provider: str) -> LinkedRole:
        """The role that `unlink` would disable now, or what it would raise."""
        linked = self.find(provider)
        attempt = Event("role.disable", "done", kind=provider)
        with self._ledger.checking(attempt), self._database.read() as connection:
            rules.may_disable(provider, used_by=self._usage.stacks_by_role(connection, provider))
        return linked

    def unlink(self, provider: str) -> LinkedRole:
        """Disable the role here; in the cloud it stays. Raises NotLinked, RoleInUse (SPEC A3)."""
        with self._ledger.change(Event("role.disable", "done", kind=provider)) as change:
            linked = role_store.find(change.connection, provider)
            if linked is None:
                raise NotLinked(provider)
            rules.may_disable(provider, used_by=self._usage.stacks_by_role(change.connection, provider))
            role_store.remove(change.connection, provider)
        return linked

    def note_session(self, provider: str, session_name: str, *, purpose: str, stack: str | None) -> None:
        """Tell the audit log that the role is about to be taken on; the session is used after that (B10)."""
        self._ledger.tell(
            Event(
                "role.session",
                "done",
                kind=provider,
                purpose=purpose,
                stack=stack,
                detail={"session": session_name},
            )
        )


def _news(before: LinkedRole, session: Session | None, problem: str | None) -> dict[str, str | None]:
    """The columns that a trial changes, with their new values."""
    values = {"state": rules.after_trial(before.state, worked=session is not None).value, "problem": problem}
    known = {"state": before.state.value, "problem": before.problem}
    if session is not None:
        values |= {"account": session.account, "principal": session.principal}
        known |= {"account": before.account, "principal": before.principal}
    return {name: value for name, value in values.items() if value != known[name]}

"""Which credential serves each provider of a stack: bound when the stack is made, kept until it is destroyed.

The foreign key `binding.credential_id` (ON DELETE RESTRICT) is the second guard behind `credentials.rules`: a
credential that a stack uses can't be deleted by any program that writes this database.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import column, table

from engine.errors import EngineError

if TYPE_CHECKING:
    from sqlalchemy import Connection

# The columns that the statements here name. The schema is in `binding_rows.py`; importing SQLModel for it
# would cost a listing more than its queries do.
_binding = table("binding", column("stack_id"), column("provider"), column("credential_id"))
_stack = table("stack", column("id"), column("project"), column("name"))
_credential = table(
    "credential", column("id"), column("name"), column("token"), column("kind"), column("state")
)


@dataclass(frozen=True, slots=True)
class Binding:
    """One provider that a stack needs, and the credential that serves it; None after the stack was
    destroyed.
    """

    provider: str
    credential: str | None
    token: str | None


class Unauthorized(EngineError):
    """A provider that the stack needs has no Active credential: nothing is orchestrated (SPEC A1)."""

    exit_code = 3

    def __init__(self, stack: str, providers: Sequence[str]) -> None:
        names = ", ".join(providers)
        super().__init__(
            f"stack {stack} needs {names}, and the vault has no Active credential for that; nothing was run",
            hint=f"add one: tic creds new NAME --provider {providers[0]}",
        )


def need(connection: "Connection", stack_id: int, providers: Iterable[str]) -> None:
    """Note that the stack needs these providers; what is bound already stays as it is."""
    known = set(
        connection.execute(
            _binding.select().with_only_columns(_binding.c.provider).where(_binding.c.stack_id == stack_id)
        ).scalars()
    )
    for provider in dict.fromkeys(providers):
        if provider not in known:
            connection.execute(
                _binding.insert().values(stack_id=stack_id, provider=provider, credential_id=None)
            )


def bind(connection: "Connection", stack_id: int, credential_id: int, provider: str) -> None:
    """Let this credential serve this provider of the stack from now on."""
    need(connection, stack_id, [provider])
    connection.execute(
        _binding.update()
        .where(_binding.c.stack_id == stack_id, _binding.c.provider == provider)
        .values(credential_id=credential_id)
    )


def complete(connection: "Connection", stack_id: int, stack: str) -> list[Binding]:
    """Bind what is not bound to the Active credential of its provider, and return all bindings (SPEC B3).

    Raises Unauthorized, and binds nothing, where a provider has no Active credential.
    """
    missing = []
    for binding in bound(connection, stack_id):
        if binding.token is None:
            active = _active(connection, binding.provider)
            if active is None:
                missing.append(binding.provider)
            else:
                bind(connection, stack_id, active, binding.provider)
    if missing:
        raise Unauthorized(stack, missing)
    return bound(connection, stack_id)


def bound(connection: "Connection", stack_id: int) -> list[Binding]:
    """The providers that the stack needs, in order of their names."""
    rows = connection.execute(
        _binding.outerjoin(_credential, _credential.c.id == _binding.c.credential_id)
        .select()
        .with_only_columns(_binding.c.provider, _credential.c.name, _credential.c.token)
        .where(_binding.c.stack_id == stack_id)
        .order_by(_binding.c.provider)
    )
    return [Binding(provider, name, token) for provider, name, token in rows]


def release(connection: "Connection", stack_id: int) -> None:
    """Free the stack's credentials: nothing of it exists any more (SPEC C4). What it needs stays known."""
    connection.execute(_binding.update().where(_binding.c.stack_id == stack_id).values(credential_id=None))


class Usage:
    """Tells the vault which stacks use a credential; the vault itself knows nothing of stacks."""

    def stacks_using(self, connection: "Connection", credential_id: int) -> list[str]:
        """The stacks that this credential serves, as `project/stack`."""
        return self._names(connection, credential_id).get(credential_id, [])

    def by_credential(self, connection: "Connection") -> dict[int, list[str]]:
        """For each credential in use, the stacks that it serves."""
        return self._names(connection, None)

    def fall_back_to_role(self, connection: "Connection", credential_id: int) -> None:
        """Take the credential away from its stacks; the provider's role serves them from their next run on
        (SPEC A8).
        """
        connection.execute(
            _binding.update().where(_binding.c.credential_id == credential_id).values(credential_id=None)
        )

    def _names(self, connection: "Connection", credential_id: int | None) -> dict[int, list[str]]:
        query = (
            _binding.join(_stack, _stack.c.id == _binding.c.stack_id)
            .select()
            .with_only_columns(_binding.c.credential_id, _stack.c.project, _stack.c.name)
            .where(_binding.c.credential_id.is_not(None))
            .distinct()
            .order_by(_stack.c.project, _stack.c.name)
        )
        if credential_id is not None:
            query = query.where(_binding.c.credential_id == credential_id)
        names: dict[int, list[str]] = {}
        for owner, project, name in connection.execute(query):
            names.setdefault(owner, []).append(f"{project}/{name}")
        return names


def active_kinds(connection: "Connection") -> list[str]:
    """The kinds that have an Active credential."""
    kinds = _credential.select().with_only_columns(_credential.c.kind).where(_credential.c.state == "active")
    return [str(kind) for kind in connection.execute(kinds).scalars()]


def _active(connection: "Connection", provider: str) -> int | None:
    return connection.execute(
        _credential.select()
        .with_only_columns(_credential.c.id)
        .where(_credential.c.kind == provider, _credential.c.state == "active")
    ).scalar()

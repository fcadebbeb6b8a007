"""Which credential serves each provider of a stack: bound when the stack is made, kept until it is destroyed.

A provider may have slots besides, for further credentials of it (`credentials.slots`). `engine.rebinding`
changes what is bound. The foreign key `binding.credential_id` (ON DELETE RESTRICT) is the second guard behind
`credentials.rules`: a credential that a stack uses can't be deleted by any program that writes this database.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import column, table

from credentials import scopes, slots
from credentials.audit import Event
from credentials.scopes import Place
from engine.errors import EngineError
from engine.role_tokens import token_of

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from credentials.digest import Table

# The columns that the statements here name. The schema is in `binding_rows.py`; importing SQLModel for it
# would cost a listing more than its queries do.
_binding = table("binding", column("stack_id"), column("provider"), column("credential_id"), column("role"))
_role = table("linked_role", column("provider"), column("state"))
_stack = table("stack", column("id"), column("project"), column("name"), column("folder"))
_credential = table(
    "credential",
    column("id"),
    column("name"),
    column("token"),
    column("kind"),
    column("state"),
    column("scope"),
)


@dataclass(frozen=True, slots=True)
class Binding:
    """One provider that a stack needs, and what serves it: a credential, or the provider's linked role.

    Neither does after the stack was destroyed. `key` is how it is kept: the provider, with its slot.
    """

    key: str
    credential: str | None
    token: str | None
    by_role: bool = False

    @property
    def provider(self) -> str:
        """The kind of credential."""
        return slots.parts(self.key)[0]

    @property
    def slot(self) -> str:
        """The slot's name; "" for the provider's own."""
        return slots.parts(self.key)[1]

    def __str__(self) -> str:
        return f"{self.provider} as {self.slot}" if self.slot else self.provider


def empty(key: str) -> Binding:
    """A provider, or a slot of one, that nothing serves."""
    return Binding(key, None, None)


class Unauthorized(EngineError):
    """A provider that the stack needs has no Active credential, nor an enabled role: nothing is orchestrated
    (SPEC A1).
    """

    exit_code = 3

    def __init__(self, stack: str, providers: Sequence[str]) -> None:
        from credentials import roles

        names = ", ".join(providers)
        enable = f"; or link its role, which needs no key: tic role enable {providers[0]} --role ROLE"
        super().__init__(
            f"stack {stack} needs {names}, and the vault has neither an Active credential nor an enabled "
            "role for that; nothing was run",
            hint=f"add one: tic creds new NAME --provider {providers[0]}"
            + (enable if providers[0] in roles.names() else ""),
        )


class SlotEmpty(EngineError):
    """A slot of the stack is served by nothing, and no slot is filled by what is Active, but by name alone.

    Its instance of the provider would work with the provider's own credential.
    """

    exit_code = 3

    def __init__(self, stack: str, empty: Sequence[Binding]) -> None:
        first = empty[0]
        super().__init__(
            f"stack {stack} has nothing bound for {', '.join(map(str, empty))}; nothing was run",
            hint=f"bind a credential again: tic stack bind {stack} CREDENTIAL --as {first.slot}; or take the "
            f"slot away: tic stack unbind {stack} --as {first.slot}",
        )


class ActiveOutOfScope(scopes.OutOfScope):
    """A provider's Active credential may not be used where the stack is (SPEC B3, B7)."""

    def __init__(self, active: "_Active", provider: str, place: Place, usable: Sequence[str]) -> None:
        super().__init__(active.name, active.scope, place)
        self.hint = (
            f"another {provider} credential may be used here, make it the Active one: "
            f"tic creds activate {usable[0]}"
            if usable
            else f"let its owner widen it: tic creds scope {active.name} SCOPE; or make another one Active "
            "that may be used here: tic creds activate OTHER"
        )


def need(connection: "Connection", stack_id: int, providers: Iterable[str]) -> None:
    """Note that the stack needs these providers, or slots of them; what is bound already stays as it is."""
    known = set(
        connection.execute(
            _binding.select().with_only_columns(_binding.c.provider).where(_binding.c.stack_id == stack_id)
        ).scalars()
    )
    for provider in dict.fromkeys(providers):
        if provider not in known:
            connection.execute(
                _binding.insert().values(stack_id=stack_id, provider=provider, credential_id=None, role=None)
            )


def bind(connection: "Connection", stack_id: int, credential_id: int, key: str) -> None:
    """Let this credential serve this provider, or this slot of it, in the stack from now on."""
    need(connection, stack_id, [key])
    connection.execute(
        _binding.update()
        .where(_binding.c.stack_id == stack_id, _binding.c.provider == key)
        .values(credential_id=credential_id, role=None)
    )


def bind_to_role(connection: "Connection", stack_id: int, key: str) -> None:
    """Let the provider's linked role serve it, or this slot of it, in the stack from now on."""
    need(connection, stack_id, [key])
    connection.execute(
        _binding.update()
        .where(_binding.c.stack_id == stack_id, _binding.c.provider == key)
        .values(credential_id=None, role=slots.parts(key)[0])
    )


def unbind(connection: "Connection", stack_id: int, key: str) -> None:
    """Forget that the stack needs this provider, or has this slot of it."""
    connection.execute(_binding.delete().where(_binding.c.stack_id == stack_id, _binding.c.provider == key))


def complete(connection: "Connection", stack_id: int, stack: str, place: Place) -> list[Binding]:
    """Bind what is not bound: to its provider's enabled role, else to its Active credential (SPEC A2, B3).

    Returns all bindings. Raises Unauthorized, and binds nothing, where a provider has neither; OutOfScope
    where its Active credential may not be used at this place; SlotEmpty.
    """
    unserved = [each for each in bound(connection, stack_id) if each.token is None and not each.by_role]
    missing = [
        each.provider
        for each in unserved
        if not each.slot and not _serve(connection, stack_id, each.key, place)
    ]
    if missing:
        raise Unauthorized(stack, missing)
    if empty := [each for each in unserved if each.slot]:
        raise SlotEmpty(stack, empty)
    return bound(connection, stack_id)


def fill(connection: "Connection", stack_id: int, stack: str, key: str, place: Place) -> None:
    """Let the provider's enabled role, else its Active credential, serve it or a slot of it from now on.

    Raises Unauthorized, OutOfScope.
    """
    if not _serve(connection, stack_id, key, place):
        raise Unauthorized(stack, [slots.parts(key)[0]])


def _serve(connection: "Connection", stack_id: int, key: str, place: Place) -> bool:
    """Bind to the role or the Active credential; whether there is one. Raises OutOfScope."""
    provider = slots.parts(key)[0]
    if _role_is_enabled(connection, provider):
        bind_to_role(connection, stack_id, key)
        return True
    active = _active(connection, provider)
    if active is None:
        return False
    if not scopes.admits(active.scope, place):
        raise ActiveOutOfScope(active, provider, place, _usable(connection, provider, place))
    bind(connection, stack_id, active.id, key)
    return True


def bound(connection: "Connection", stack_id: int) -> list[Binding]:
    """The providers that the stack needs, each before its slots, in order of their names."""
    rows = connection.execute(
        _binding.outerjoin(_credential, _credential.c.id == _binding.c.credential_id)
        .select()
        .with_only_columns(_binding.c.provider, _credential.c.name, _credential.c.token, _binding.c.role)
        .where(_binding.c.stack_id == stack_id)
        .order_by(_binding.c.provider)
    )
    return [Binding(key, name, token, role is not None) for key, name, token, role in rows]


def event(stack: str, binding: Binding) -> Event:
    """What the audit log says of a binding."""
    detail = {"by": "role" if binding.by_role else "credential"} | (
        {"as": binding.slot} if binding.slot else {}
    )
    return Event(
        "binding.set",
        "done",
        credential=binding.token,
        name=binding.credential,
        kind=binding.provider,
        stack=stack,
        detail=detail,
    )


def tokens(bound: Iterable[Binding]) -> dict[str, str]:
    """For each provider that is served, and each slot, the token of what serves it: a credential's, or its
    role's.
    """
    return {each.key: each.token or token_of(each.provider) for each in bound if each.token or each.by_role}


def release(connection: "Connection", stack_id: int) -> None:
    """Free the stack's credentials: nothing of it exists any more (SPEC C4). What it needs stays known."""
    freed = {"credential_id": None, "role": None}
    connection.execute(_binding.update().where(_binding.c.stack_id == stack_id).values(freed))


class Usage:
    """Tells the vault which stacks use a credential; the vault itself knows nothing of stacks."""

    def stacks_using(self, connection: "Connection", credential_id: int) -> list[str]:
        """The stacks that this credential serves, as `project/stack`."""
        return self._names(connection, credential_id).get(credential_id, [])

    def by_credential(self, connection: "Connection") -> dict[int, list[str]]:
        """For each credential in use, the stacks that it serves."""
        return self._names(connection, None)

    def stacks_by_role(self, connection: "Connection", provider: str) -> list[str]:
        """The stacks that the linked role of this provider serves, as `project/stack`."""
        query = (
            _binding.join(_stack, _stack.c.id == _binding.c.stack_id)
            .select()
            .with_only_columns(_stack.c.project, _stack.c.name)
            .where(_binding.c.role == provider)
            .distinct()
            .order_by(_stack.c.project, _stack.c.name)
        )
        return [f"{project}/{name}" for project, name in connection.execute(query)]

    def stacks_outside(self, connection: "Connection", credential_id: int, scope: str) -> list[str]:
        """The stacks that this credential serves, and would not be used in if its scope were this one."""
        from engine import place

        query = (
            _binding.join(_stack, _stack.c.id == _binding.c.stack_id)
            .select()
            .with_only_columns(_stack.c.project, _stack.c.name, _stack.c.folder)
            .where(_binding.c.credential_id == credential_id)
            .distinct()
            .order_by(_stack.c.project, _stack.c.name)
        )
        by_repository = scope.startswith("repo:")  # only then need git be asked
        places = {
            f"{project}/{name}": place.of_stack(project, Path(folder) if folder and by_repository else None)
            for project, name, folder in connection.execute(query)
        }
        return [stack for stack, where in places.items() if not scopes.admits(scope, where)]

    def fall_back_to_role(self, connection: "Connection", credential_id: int, provider: str) -> None:
        """Take the credential away from its stacks; the provider's role serves them from their next run on
        (SPEC A7, A8).
        """
        served = {"credential_id": None, "role": provider}
        connection.execute(_binding.update().where(_binding.c.credential_id == credential_id).values(served))

    def guarded(self, connection: "Connection") -> "Iterator[Table]":
        """Every binding, and every access token, as the vault's digest reads them."""
        from engine.state import access_tokens

        query = _binding.select().order_by(_binding.c.stack_id, _binding.c.provider)
        yield "binding", connection.execute(query)
        yield from access_tokens.guarded(connection)

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
    """The kinds that have an Active credential or an enabled role, sorted."""
    kinds = _credential.select().with_only_columns(_credential.c.kind).where(_credential.c.state == "active")
    linked = _role.select().with_only_columns(_role.c.provider).where(_role.c.state == "enabled")
    found = (kind for query in (kinds, linked) for kind in connection.execute(query).scalars())
    return sorted({str(kind) for kind in found})


@dataclass(frozen=True, slots=True)
class _Active:
    id: int
    name: str
    scope: str


def _active(connection: "Connection", provider: str) -> _Active | None:
    row = connection.execute(
        _credential.select()
        .with_only_columns(_credential.c.id, _credential.c.name, _credential.c.scope)
        .where(_credential.c.kind == provider, _credential.c.state == "active")
    ).one_or_none()
    return None if row is None else _Active(*row)


def _usable(connection: "Connection", provider: str, place: Place) -> list[str]:
    """The provider's credentials that may be used at this place, by name."""
    found = connection.execute(
        _credential.select()
        .with_only_columns(_credential.c.name, _credential.c.scope)
        .where(_credential.c.kind == provider)
        .order_by(_credential.c.name)
    )
    return [name for name, scope in found if scopes.admits(scope, place)]


def _role_is_enabled(connection: "Connection", provider: str) -> bool:
    query = _role.select().with_only_columns(_role.c.state).where(_role.c.provider == provider)
    return bool(connection.execute(query).scalar() == "enabled")

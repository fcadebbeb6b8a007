"""What must be true of each transaction on a vault, judged from the rows that it changed. Pure.

It knows the rules from the specification alone (A2-A4, A6-A8, B2, B3, B5, B7), and of the vault's words only
the names of its audit actions.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final, NamedTuple

Cells = tuple[Any, ...]


def taken_on(role: str) -> str:
    """The principal that histories note when they take on a role: another one for each."""
    return f"as {role}"


MOVES_A_STACK: Final = ("binding.set", "binding.release", "stack.new", "stack.remove")
FREES_A_KIND: Final = ("credential.delete", "credential.clear")


class Step(NamedTuple):
    """One row that changed: its table, and its cells before and after (None: there was, or is, no row)."""

    place: str
    before: Cells | None
    after: Cells | None


class Credential(NamedTuple):
    id: int
    token: str
    name: str
    kind: str
    state: str
    version: int
    scope: str


class Binding(NamedTuple):
    stack_id: int
    provider: str
    credential_id: int | None
    role: str | None

    @property
    def is_served(self) -> bool:
        return self.credential_id is not None or self.role is not None


class Role(NamedTuple):
    """A linked role; whoever took `role` on is known to its provider as `taken_on(role)`."""

    provider: str
    state: str
    role: str
    source_credential_id: int | None
    principal: str


class Stack(NamedTuple):
    id: int
    project: str
    name: str


class Told(NamedTuple):
    action: str
    outcome: str
    kind: str | None
    stack: str | None


@dataclass(slots=True)
class World:
    """The rows as they are after the transactions so far."""

    TABLES: ClassVar[Mapping[str, Any]] = {
        "credential": Credential,
        "binding": Binding,
        "linked_role": Role,
        "stack": Stack,
    }
    credentials: dict[int, Credential] = field(default_factory=dict)
    bindings: dict[tuple[int, str], Binding] = field(default_factory=dict)
    roles: dict[str, Role] = field(default_factory=dict)
    stacks: dict[int, Stack] = field(default_factory=dict)

    def copy(self) -> "World":
        """The world as it is now, to look back at."""
        return World(dict(self.credentials), dict(self.bindings), dict(self.roles), dict(self.stacks))

    def apply(self, step: Step) -> None:
        """Change one row."""
        if step.place not in self.TABLES:
            return
        row: Any = self.TABLES[step.place]
        if step.before is not None:
            before = row(*step.before)
            match before:
                case Credential():
                    del self.credentials[before.id]
                case Binding():
                    del self.bindings[before.stack_id, before.provider]
                case Role():
                    del self.roles[before.provider]
                case Stack():
                    del self.stacks[before.id]
        if step.after is not None:
            after = row(*step.after)
            match after:
                case Credential():
                    self.credentials[after.id] = after
                case Binding():
                    self.bindings[after.stack_id, after.provider] = after
                case Role():
                    self.roles[after.provider] = after
                case Stack():
                    self.stacks[after.id] = after

    def differences(self, tables: Mapping[str, set[Cells]]) -> list[str]:
        """Where the rows of a snapshot are others than these."""
        known: dict[str, set[Cells]] = {
            "credential": set(self.credentials.values()),
            "binding": set(self.bindings.values()),
            "linked_role": set(self.roles.values()),
            "stack": set(self.stacks.values()),
        }
        return [
            f"{place} has {sorted(map(str, rows ^ known[place]))} that no note tells of, or not any more"
            for place, rows in tables.items()
            if rows != known[place]
        ]

    def served(self, credential_id: int) -> list[Binding]:
        """What a credential serves."""
        return [each for each in self.bindings.values() if each.credential_id == credential_id]

    def role(self, kind: str) -> str:
        """The state of the kind's linked role."""
        return self.roles[kind].state if kind in self.roles else "disabled"

    def sources(self) -> set[int | None]:
        """The credentials with which roles are taken on."""
        return {each.source_credential_id for each in self.roles.values()}

    def active(self, kind: str) -> list[Credential]:
        """The Active credentials of a kind."""
        return [each for each in self.credentials.values() if (each.kind, each.state) == (kind, "active")]


def judge(world: World, steps: Sequence[Step]) -> list[str]:
    """Apply one transaction to the world; returns what it broke, in words."""
    before = world.copy()
    for step in steps:
        world.apply(step)
    told = [Told(*step.after) for step in steps if step.place == "audit" and step.after is not None]
    done = [each for each in told if each.outcome == "done"]
    return [
        *_always(world),
        *_made(before, world),
        *_deleted(before, world),
        *_roles(before, world),
        *_kept(before, world, done),
        *(
            found
            for each in done
            if each.action == "credential.clear"
            for found in _cleared(before, world, each)
        ),
    ]


def _always(world: World) -> Iterator[str]:
    """What holds after every transaction."""
    for kind in {each.kind for each in world.credentials.values()}:
        if len(world.active(kind)) > 1:
            yield f"two Active ones of {kind} (B2)"
    for binding in world.bindings.values():
        credential = world.credentials.get(binding.credential_id or 0)
        stack = world.stacks.get(binding.stack_id)
        if binding.credential_id is not None and credential is None:
            yield f"{binding} has no credential (A8)"
        if binding.role is not None and world.role(binding.role) not in ("enabled", "failed"):
            yield f"{binding} has no role that was ever taken on (A2, A3)"
        if stack is None:
            yield f"{binding} has no stack"
        elif credential and credential.scope not in ("all", f"project:{stack.project}"):
            yield f"{binding} is outside of the scope {credential.scope} (B7)"
        if credential and credential.kind != binding.provider:
            yield f"{binding} is served by a credential of {credential.kind}"
    for role in world.roles.values():
        if role.state == "enabled" and role.principal != taken_on(role.role):
            yield f"{role} was never taken on, and is enabled (A2)"
        if role.source_credential_id is not None and role.source_credential_id not in world.credentials:
            yield f"{role} is taken on with a credential that is gone"


def _made(before: World, after: World) -> Iterator[str]:
    for new in after.credentials.keys() - before.credentials.keys():
        credential = after.credentials[new]
        if before.role(credential.kind) in ("enabled", "failed"):
            yield f"{credential.name} was made while a role is linked (A6)"
        first = not before.active(credential.kind)
        if (credential.state == "active") is not first:
            yield f"{credential.name} was made {credential.state}, with an Active one: {not first} (B2)"


def _deleted(before: World, after: World) -> Iterator[str]:
    for gone in before.credentials.keys() - after.credentials.keys():
        credential = before.credentials[gone]
        used = before.served(gone)
        if before.role(credential.kind) == "enabled":
            for binding in used:
                now = after.bindings.get((binding.stack_id, binding.provider))
                if now is None or now.role != credential.kind:
                    yield f"{credential.name} was deleted, and {binding} did not fall back to the role (A8)"
        elif used:
            yield f"{credential.name} was deleted while {used} used it (A8)"
        elif credential.state == "active":
            yield f"{credential.name} was deleted while it was Active (A8)"


def _roles(before: World, after: World) -> Iterator[str]:
    for provider in before.roles.keys() - after.roles.keys():
        if used := [each for each in before.bindings.values() if each.role == provider]:
            yield f"the role of {provider} was taken away while {used} used it (A3)"


def _kept(before: World, after: World, done: Sequence[Told]) -> Iterator[str]:
    """What a credential is stays (B5), and a binding stays unless something moves just it (B3)."""
    for one in before.credentials.keys() & after.credentials.keys():
        old, new = before.credentials[one], after.credentials[one]
        if (old.token, old.name, old.kind) != (new.token, new.name, new.kind):
            yield f"{old} became {new} (B5)"
    moved = {each.stack for each in done if each.action in MOVES_A_STACK}
    freed = {each.kind for each in done if each.action in FREES_A_KIND}
    stacks = before.stacks | after.stacks
    for key in before.bindings.keys() | after.bindings.keys():
        stack_id, provider = key
        stack = stacks.get(stack_id)
        if before.bindings.get(key) == after.bindings.get(key) or provider in freed:
            continue
        if stack is None or f"{stack.project}/{stack.name}" not in moved:
            yield f"{before.bindings.get(key)} became {after.bindings.get(key)} by {done} (B3)"


def _cleared(before: World, after: World, told: Told) -> Iterator[str]:
    if before.role(str(told.kind)) != "enabled":
        yield f"{told.kind} was cleared without an enabled role (A7)"
    for credential in after.credentials.values():
        if credential.kind == told.kind and credential.id not in after.sources():
            yield f"{told.kind} was cleared, and {credential.name} is left (A7)"
        if credential.kind == told.kind and after.served(credential.id):
            yield f"{told.kind} was cleared, and {credential.name} still serves a stack (A7)"
    for key, binding in before.bindings.items():
        now = after.bindings.get(key)
        if binding.provider == told.kind and binding.is_served and not (now and now.is_served):
            yield f"{binding} has no authorization after the clear (A7)"

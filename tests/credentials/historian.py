"""One of several processes that make history: `python -m tests.credentials.historian SEED COUNT FOLDER`.

It works as `tic` does, on the installation of its environment: the real vault, and the engine's own ways to
make a stack, bind, destroy and remove it. Prints, as JSON, how often each operation was done or refused, and
by which rule.
"""

import collections
import json
import random
import sys
from collections.abc import Callable
from pathlib import Path

from credentials.linked_roles import NotLinked
from credentials.refusals import ConflictingChange, NameTaken, NoCredential
from credentials.roles import Role, Session, Source
from credentials.rules import (
    CredentialInUse,
    CredentialIsActive,
    CredentialTakesRoleOn,
    NothingToFallBackTo,
    RoleInUse,
    RoleServesProvider,
    ScopeInUse,
)
from credentials.scopes import OutOfScope, Place
from engine import creation, rebinding, removal
from engine.bindings import Unauthorized
from engine.freeing import freeing
from engine.installation import Installation
from engine.state import stacks
from engine.state.stacks import Stack, StackExists
from tests.credentials.judge import taken_on

KINDS = {
    "tencentcloud": {"secret-id": "an-id", "secret-key": "a-key"},
    "username-password": {"username": "me", "password": "a-password"},
}
CREDENTIALS = [(f"{kind[0]}{number}", kind) for kind in KINDS for number in range(4)]
PROJECTS = ("site", "shop")
STACKS = [(project, f"s{number}") for project in PROJECTS for number in range(3)]
ROLES = ("a-role", "another-role")
SCOPES = ("all", "all", *(f"project:{project}" for project in PROJECTS))
WEIGHTS = {
    "new": 24, "activate": 9, "rotate": 5, "delete": 12, "scope": 6, "open": 3,
    "create stack": 15, "bind": 12, "destroy": 9, "remove stack": 5,
    "enable": 3, "try": 3, "disable": 9, "clear": 3,
}  # fmt: skip
BY_A_RULE = (
    NameTaken, NoCredential, CredentialIsActive, CredentialInUse, RoleServesProvider, RoleInUse, ScopeInUse,
    NothingToFallBackTo, CredentialTakesRoleOn, NotLinked, OutOfScope, ConflictingChange, Unauthorized,
    StackExists,
)  # fmt: skip


class NoStack(Exception):
    """The stack that was drawn does not exist now."""


class Historian:
    """Draws operations and does them; what no rule explains ends it."""

    def __init__(self, installation: Installation, chance: random.Random, folder: Path) -> None:
        self.installation = installation
        self.chance = chance
        self.folder = folder

    def make(self, operations: int) -> collections.Counter[str]:
        """Do so many; returns how often each came to which outcome."""
        count: collections.Counter[str] = collections.Counter()
        acts: dict[str, Callable[[], object]] = {
            name: getattr(self, f"_{name.replace(' ', '_')}") for name in WEIGHTS
        }
        for operation in self.chance.choices(list(WEIGHTS), list(WEIGHTS.values()), k=operations):
            try:
                acts[operation]()
                count[f"{operation}: done"] += 1
            except BY_A_RULE as refused:
                count[f"{operation}: {type(refused).__name__}"] += 1
            except NoStack:
                count[f"{operation}: no such stack"] += 1
        return count

    def _new(self) -> None:
        name, kind = self.chance.choice(CREDENTIALS)
        self.installation.vault.new(name, kind, KINDS[kind], scope=self.chance.choice(SCOPES))

    def _activate(self) -> None:
        self.installation.vault.activate(self._name())

    def _rotate(self) -> None:
        name, kind = self.chance.choice(CREDENTIALS)
        self.installation.vault.rotate(name, KINDS[kind])

    def _delete(self) -> None:
        self.installation.vault.delete(self._name())

    def _scope(self) -> None:
        self.installation.vault.rescope(self._name(), self.chance.choice(SCOPES))

    def _open(self) -> None:
        """Through its token, from a place within its scope."""
        name, kind = self.chance.choice(CREDENTIALS)
        token = self.installation.vault.find(name).token
        opened = self.installation.vault.opened(token, purpose="a history", place=self._place())
        found = {field: value.reveal().decode() for field, value in opened.fields.items()}
        assert found.items() >= KINDS[kind].items()

    def _create_stack(self) -> None:
        """B3: bound to the Active credential of what it needs, or to the role."""
        project, name = self.chance.choice(STACKS)
        needed = self.chance.sample(list(KINDS), self.chance.randint(1, 2))
        creation.new_stack(
            self.installation, name, self.folder / project, template=None, settings={}, providers=needed
        )

    def _bind(self) -> None:
        rebinding.rebind(self.installation, self._stack(), self._name())

    def _destroy(self) -> None:
        """What a destroy does when Pulumi has left nothing (C4)."""
        stack = self._stack()
        with freeing(self.installation.vault)(stack):
            pass

    def _remove_stack(self) -> None:
        removal.remove_stack(self.installation, self._stack())

    def _enable(self) -> None:
        """Link a role, try it (A2)."""
        provider, name = self._kind(), self.chance.choice(ROLES)
        source = Source("metadata")
        if self.chance.random() < 0.3:
            source = Source("credential", credential=self.installation.vault.find(self._name()).token)
        self.installation.vault.linked.link(Role(provider, name, None, 3600, source))
        self._attempt(provider)

    def _try(self) -> None:
        """Whether the role can still be taken on (A4)."""
        self._attempt(self._kind())

    def _attempt(self, provider: str) -> None:
        linked = self.installation.vault.linked
        tried = linked.find(provider)
        if self.chance.random() < 0.7:
            linked.taken_on(tried, Session({}, 0.0, "an-account", taken_on(tried.role.role)))
        else:
            linked.not_taken_on(tried, "the role does not exist")

    def _disable(self) -> None:
        self.installation.vault.linked.unlink(self._kind())

    def _clear(self) -> None:
        self.installation.vault.clear(self._kind(), keep_source=self.chance.random() < 0.5)

    def _kind(self) -> str:
        return self.chance.choice(list(KINDS))

    def _name(self) -> str:
        return self.chance.choice(CREDENTIALS)[0]

    def _place(self) -> Place:
        return Place(self.chance.choice(PROJECTS))

    def _stack(self) -> Stack:
        project, name = self.chance.choice(STACKS)
        with self.installation.database.read() as connection:
            found = stacks.find(connection, project, name)
        if found is None:
            raise NoStack
        return found


def main(seed: str, operations: int, folder: Path) -> None:
    """Make history, and say what came of it."""
    installation = Installation.find()
    count = Historian(installation, random.Random(seed), folder).make(operations)
    installation.database.close()
    sys.stdout.write(json.dumps(count))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))

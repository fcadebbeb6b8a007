"""Any sequence of what one can do to a vault keeps its promises (SPEC A2-A4, A6-A8, B2, B5, B7)."""

import contextlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from credentials.credential import RoleState, State
from credentials.errors import CredentialError
from credentials.refusals import NameTaken
from credentials.rules import (
    CredentialInUse,
    CredentialIsActive,
    NothingToFallBackTo,
    RoleInUse,
    RoleServesProvider,
    ScopeInUse,
)
from credentials.scopes import OutOfScope, Place
from tests.credentials.worlds import World

FIELDS = {"username-password": "password", "tencentcloud": "secret-key"}
STACKS = ("p/one", "q/two")
SCOPES = ("all", "all", "project:p", "project:q")
kind_names = st.sampled_from(sorted(FIELDS))
names = st.sampled_from([f"c{number}" for number in range(4)])
stacks = st.sampled_from(STACKS)
scopes = st.sampled_from(SCOPES)
secrets = st.text(
    st.characters(min_codepoint=33, max_codepoint=0x2FF, exclude_categories=["C"]), min_size=1, max_size=20
)


def fields(kind: str, secret: str) -> dict[str, str]:
    return (
        {"username": "me"} | {"password": secret}
        if kind == "username-password"
        else {"secret-id": "i", "secret-key": secret}
    )


def admits(scope: str, stack: str) -> bool:
    return scope in ("all", f"project:{stack.partition('/')[0]}")


@dataclass
class Known:
    """What a credential must be."""

    kind: str
    token: str
    secret: str
    scope: str


class VaultMachine(RuleBasedStateMachine):
    """The vault beside a model of it: a dict of what each credential must be."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.world = World(Path(self.folder.name))
        self.known: dict[str, Known] = {}
        self.active: dict[str, str] = {}
        self.bound: dict[str, str] = {}
        self.by_role: dict[str, str] = {}
        self.roles: dict[str, RoleState] = dict.fromkeys(FIELDS, RoleState.DISABLED)

    @rule(name=names, kind=kind_names, secret=secrets, scope=scopes)
    def new(self, name: str, kind: str, secret: str, scope: str) -> None:
        linked = self.roles[kind] in (RoleState.ENABLED, RoleState.FAILED)
        with refused(NameTaken if name in self.known else RoleServesProvider if linked else None):
            made = self.world.vault.new(name, kind, fields(kind, secret), scope=scope)
            assert (made.state is State.ACTIVE) == (kind not in self.active)
            self.known[name] = Known(kind, made.token, secret, scope)
            self.active.setdefault(kind, name)

    @precondition(lambda self: self.known)
    @rule(data=st.data())
    def activate(self, data: st.DataObject) -> None:
        name = self.one(data)
        self.world.vault.activate(name)
        self.active[self.known[name].kind] = name

    @precondition(lambda self: self.known)
    @rule(data=st.data(), secret=secrets)
    def rotate(self, data: st.DataObject, secret: str) -> None:
        one = self.known[self.one(data)]
        self.world.vault.rotate(one.token, fields(one.kind, secret))
        one.secret = secret

    @precondition(lambda self: self.known)
    @rule(data=st.data(), scope=scopes)
    def rescope(self, data: st.DataObject, scope: str) -> None:
        name = self.one(data)
        outside = [stack for stack in self.users(name) if not admits(scope, stack)]
        with refused(ScopeInUse if outside else None):
            self.world.vault.rescope(name, scope)
            self.known[name].scope = scope

    @precondition(lambda self: self.known)
    @rule(data=st.data(), stack=stacks)
    def open(self, data: st.DataObject, stack: str) -> None:
        name = self.one(data)
        one = self.known[name]
        with refused(None if admits(one.scope, stack) else OutOfScope):
            place = Place(stack.partition("/")[0])
            opened = self.world.vault.opened(one.token, purpose="a test", place=place)
            assert opened.fields[FIELDS[one.kind]].reveal().decode() == one.secret

    @precondition(lambda self: self.known)
    @rule(data=st.data(), stack=stacks)
    def bind(self, data: st.DataObject, stack: str) -> None:
        name = self.one(data)
        if admits(self.known[name].scope, stack):
            self.destroy(stack)
            self.world.use(stack, name)
            self.bound[stack] = name

    @precondition(lambda self: RoleState.ENABLED in self.roles.values())
    @rule(data=st.data(), stack=stacks)
    def bind_to_role(self, data: st.DataObject, stack: str) -> None:
        enabled = [kind for kind, state in self.roles.items() if state is RoleState.ENABLED]
        kind = data.draw(st.sampled_from(enabled))
        self.destroy(stack)
        self.world.sql("INSERT INTO uses_role VALUES (?, ?)", stack, kind)
        self.by_role[stack] = kind

    @precondition(lambda self: self.bound or self.by_role)
    @rule(stack=stacks)
    def destroy(self, stack: str) -> None:
        self.world.destroy(stack)
        self.bound.pop(stack, None)
        self.by_role.pop(stack, None)

    @rule(kind=kind_names)
    def enable(self, kind: str) -> None:
        self.switch_role(kind, RoleState.ENABLED)

    @rule(kind=kind_names, state=st.sampled_from([RoleState.FAILED, RoleState.AUTHORIZING]))
    def link_or_fail(self, kind: str, state: RoleState) -> None:
        self.switch_role(kind, state)

    @precondition(lambda self: set(self.roles.values()) != {RoleState.DISABLED})
    @rule(data=st.data())
    def disable(self, data: st.DataObject) -> None:
        linked = [kind for kind, state in self.roles.items() if state is not RoleState.DISABLED]
        self.switch_role(data.draw(st.sampled_from(linked)), RoleState.DISABLED)

    def switch_role(self, kind: str, state: RoleState) -> None:
        used = kind in self.by_role.values()
        with refused(RoleInUse if used and state is RoleState.DISABLED else None):
            self.world.set_role(kind, state)
            if used and state is RoleState.AUTHORIZING:
                state = RoleState.FAILED  # its stacks keep it
            self.roles[kind] = state

    @rule(kind=kind_names)
    def clear(self, kind: str) -> None:
        with refused(None if self.roles[kind] is RoleState.ENABLED else NothingToFallBackTo):
            cleared = self.world.vault.clear(kind)
            gone = [name for name, one in self.known.items() if one.kind == kind]
            assert sorted(one.name for one in cleared.deleted) == sorted(gone)
            for name in gone:
                self.forget(name)

    @precondition(lambda self: self.known)
    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        name = self.one(data)
        kind = self.known[name].kind
        refusal: type[CredentialError] | None = None
        if self.roles[kind] is not RoleState.ENABLED:
            refusal = CredentialIsActive if self.active.get(kind) == name else None
            refusal = CredentialInUse if self.users(name) else refusal
        with refused(refusal):
            self.world.vault.delete(name)
            self.forget(name)

    def one(self, data: st.DataObject) -> str:
        """The name of a credential that is there."""
        return data.draw(st.sampled_from(sorted(self.known)))

    def users(self, name: str) -> list[str]:
        """The stacks that a credential serves."""
        return sorted(stack for stack, other in self.bound.items() if other == name)

    def forget(self, name: str) -> None:
        """It is gone, and its stacks use the role."""
        kind = self.known.pop(name).kind
        for stack in self.users(name):
            del self.bound[stack]
            self.by_role[stack] = kind
        if self.active.get(kind) == name:
            del self.active[kind]

    @invariant()
    def the_vault_is_what_the_model_is(self) -> None:
        views = {view.credential.name: view for view in self.world.vault.list()}
        assert {name: (view.credential.kind, view.credential.scope) for name, view in views.items()} == {
            name: (one.kind, one.scope) for name, one in self.known.items()
        }
        assert {name: view.credential.token for name, view in views.items()} == {
            name: one.token for name, one in self.known.items()
        }
        active = {
            view.credential.kind: name
            for name, view in views.items()
            if view.credential.state is State.ACTIVE
        }
        assert active == self.active
        assert {name: list(view.used_by) for name, view in views.items()} == {
            name: self.users(name) for name in self.known
        }
        for kind, state in self.roles.items():
            assert self.world.vault.role(kind) is state
            served = sorted(stack for stack, other in self.by_role.items() if other == kind)
            assert self.world.served_by_role(kind) == served

    def teardown(self) -> None:
        for name, one in self.known.items():
            place = Place("q" if one.scope == "project:q" else "p")
            opened = self.world.vault.opened(name, purpose="a test", place=place)
            assert opened.fields[FIELDS[one.kind]].reveal().decode() == one.secret
        self.world.close()
        self.folder.cleanup()


@contextlib.contextmanager
def refused(why: type[CredentialError] | None) -> Iterator[None]:
    """The block is refused for this reason, or not at all."""
    with contextlib.nullcontext() if why is None else pytest.raises(why):
        yield


TestVaultMachine = VaultMachine.TestCase
TestVaultMachine.settings = settings(max_examples=30, stateful_step_count=30, deadline=None)


@pytest.mark.soak
def test_long_sequences_keep_the_promises_too() -> None:
    run_state_machine_as_test(
        VaultMachine, settings=settings(max_examples=1000, stateful_step_count=50, deadline=None)
    )

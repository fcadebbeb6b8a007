"""Any sequence of new, activate, delete, rotate and bind keeps the vault's promises (B2, B5, A3, A6-A8)."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from credentials.credential import RoleState, State
from credentials.refusals import NameTaken
from credentials.rules import (
    CredentialInUse,
    CredentialIsActive,
    NothingToFallBackTo,
    RoleInUse,
    RoleServesProvider,
)
from tests.credentials.worlds import World

FIELDS = {"username-password": "password", "tencentcloud": "secret-key"}
kind_names = st.sampled_from(sorted(FIELDS))
names = st.sampled_from([f"c{number}" for number in range(6)])
stacks = st.sampled_from(["p/one", "p/two"])
secrets = st.text(
    st.characters(min_codepoint=33, max_codepoint=0x2FF, exclude_categories=["C"]), min_size=1, max_size=20
)


def fields(kind: str, secret: str) -> dict[str, str]:
    return (
        {"username": "me"} | {"password": secret}
        if kind == "username-password"
        else {"secret-id": "i", "secret-key": secret}
    )


class VaultMachine(RuleBasedStateMachine):
    """The vault beside a model of it: a dict of what each credential must be."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.world = World(Path(self.folder.name))
        self.secret: dict[str, str] = {}
        self.kind: dict[str, str] = {}
        self.token: dict[str, str] = {}
        self.active: dict[str, str] = {}
        self.bound: dict[str, str] = {}
        self.by_role: dict[str, str] = {}
        self.roles: dict[str, RoleState] = {}

    @rule(name=names, kind=kind_names, secret=secrets)
    def new(self, name: str, kind: str, secret: str) -> None:
        if name in self.kind:
            with pytest.raises(NameTaken):
                self.world.vault.new(name, kind, fields(kind, secret))
            return
        if self.roles.get(kind) in (RoleState.ENABLED, RoleState.FAILED):
            with pytest.raises(RoleServesProvider):
                self.world.vault.new(name, kind, fields(kind, secret))
            return
        made = self.world.vault.new(name, kind, fields(kind, secret))
        assert (made.state is State.ACTIVE) == (kind not in self.active)
        self.secret[name], self.kind[name], self.token[name] = secret, kind, made.token
        self.active.setdefault(kind, name)

    @precondition(lambda self: self.kind)
    @rule(data=st.data())
    def activate(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.kind)))
        self.world.vault.activate(name)
        self.active[self.kind[name]] = name

    @precondition(lambda self: self.kind)
    @rule(data=st.data(), secret=secrets)
    def rotate(self, data: st.DataObject, secret: str) -> None:
        name = data.draw(st.sampled_from(sorted(self.kind)))
        self.world.vault.rotate(self.token[name], fields(self.kind[name], secret))
        self.secret[name] = secret

    @precondition(lambda self: self.kind)
    @rule(data=st.data(), stack=stacks)
    def bind(self, data: st.DataObject, stack: str) -> None:
        name = data.draw(st.sampled_from(sorted(self.kind)))
        self.world.destroy(stack)
        self.world.use(stack, name)
        self.by_role.pop(stack, None)
        self.bound[stack] = name

    @rule(stack=stacks)
    def destroy(self, stack: str) -> None:
        self.world.destroy(stack)
        self.bound.pop(stack, None)
        self.by_role.pop(stack, None)

    @rule(kind=kind_names, state=st.sampled_from(RoleState))
    def switch_role(self, kind: str, state: RoleState) -> None:
        if state is RoleState.DISABLED and kind in self.by_role.values():
            with pytest.raises(RoleInUse):  # A3
                self.world.set_role(kind, state)
            return
        self.world.set_role(kind, state)
        if state is RoleState.AUTHORIZING and kind in self.by_role.values():
            state = RoleState.FAILED  # another role than before, which still has its stacks
        assert self.world.vault.role(kind) is state
        self.roles[kind] = state

    @rule(kind=kind_names)
    def clear(self, kind: str) -> None:
        """A7."""
        if self.roles.get(kind) is not RoleState.ENABLED:
            with pytest.raises(NothingToFallBackTo):
                self.world.vault.clear(kind)
            return
        for name in [name for name, other in self.kind.items() if other == kind]:
            self.forget(name)
        self.world.vault.clear(kind)

    def forget(self, name: str) -> None:
        """The model without a credential; the role serves its stacks."""
        kind = self.kind[name]
        self.by_role |= {stack: kind for stack, other in self.bound.items() if other == name}
        self.bound = {stack: other for stack, other in self.bound.items() if other != name}
        for kept in (self.secret, self.kind, self.token):
            del kept[name]
        if self.active.get(kind) == name:
            del self.active[kind]

    @precondition(lambda self: self.kind)
    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.kind)))
        kind, used = self.kind[name], name in self.bound.values()
        is_active = self.active.get(kind) == name
        if self.roles.get(kind) is not RoleState.ENABLED and (used or is_active):
            with pytest.raises(CredentialInUse if used else CredentialIsActive):
                self.world.vault.delete(name)
            return
        self.world.vault.delete(name)
        self.forget(name)

    @invariant()
    def the_vault_is_what_the_model_is(self) -> None:
        views = {view.credential.name: view for view in self.world.vault.list()}
        assert {name: view.credential.kind for name, view in views.items()} == self.kind
        assert {name: view.credential.token for name, view in views.items()} == self.token
        active = {
            view.credential.kind: name
            for name, view in views.items()
            if view.credential.state is State.ACTIVE
        }
        assert active == self.active
        for name, view in views.items():
            assert list(view.used_by) == sorted(stack for stack, other in self.bound.items() if other == name)
        for kind in FIELDS:
            served = sorted(stack for stack, other in self.by_role.items() if other == kind)
            assert self.world.served_by_role(kind) == served

    def teardown(self) -> None:
        for name, secret in self.secret.items():
            opened = self.world.vault.opened(name, purpose="a test")
            assert opened.fields[FIELDS[self.kind[name]]].reveal().decode() == secret
        self.world.close()
        self.folder.cleanup()


TestVaultMachine = VaultMachine.TestCase
TestVaultMachine.settings = settings(max_examples=30, stateful_step_count=20, deadline=None)

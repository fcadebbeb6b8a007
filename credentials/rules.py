"""Active, Ready, role on or off: who may be created, deleted, cleared and moved to a scope. Pure.

| role        | used | state  | delete                           | new                     | clear    |
|-------------|------|--------|----------------------------------|-------------------------|----------|
| enabled     | any  | any    | yes, its stacks fall back (A8)   | no (A6)                 | yes (A7) |
| failed      | yes  | any    | no: nothing serves its stacks    | no (A6): still linked   | no (A7)  |
| failed      | no   | any    | as where there is no role        | no (A6): still linked   | no (A7)  |
| disabled,   | yes  | any    | no: destroy the stacks (A8)      | yes                     | no (A7)  |
| authorizing | no   | active | no: make another one Active (A8) | yes, Ready while one is | no       |
|             | no   | ready  | yes                              | Active, Active if first | no       |

A role may be disabled unless a stack uses it (A3). The credential with which a role is taken on is neither
deleted nor cleared. A role that was tried is enabled if it could be taken on; if not, an enabled one failed
(A4), and one that is authorizing still is. A credential gets a scope that has all its stacks (B7).
"""

from collections.abc import Mapping, Sequence

from credentials.credential import Credential, RoleState, State
from credentials.errors import CredentialError


class RoleServesProvider(CredentialError):
    """With a role enabled no new credential can be made for its provider (SPEC A6)."""

    exit_code = 3

    def __init__(self, provider: str) -> None:
        super().__init__(
            f"the linked role of {provider} is enabled, so no new credential can be made for it",
            hint=f"stacks use the role; to go back to credentials: tic role disable {provider}",
        )


class CredentialInUse(CredentialError):
    """A credential that a stack uses can't be deleted, Ready or not (SPEC A8)."""

    exit_code = 3

    def __init__(self, credential: Credential, stacks: Sequence[str]) -> None:
        self.stacks = tuple(stacks)
        super().__init__(
            f"{credential.name!r} can't be deleted: {', '.join(stacks)} "
            f"{'uses' if len(stacks) == 1 else 'use'} it",
            hint=f"destroy the stack first: tic stack destroy {stacks[0]}; or move it to another credential: "
            f"tic stack bind {stacks[0]} OTHER (in a slot: --as SLOT)",
        )


class CredentialIsActive(CredentialError):
    """The Active credential of a kind can't be deleted (SPEC A8)."""

    exit_code = 3

    def __init__(self, credential: Credential, ready: Sequence[str]) -> None:
        super().__init__(
            f"{credential.name!r} can't be deleted: it is the Active credential of {credential.kind}",
            hint=f"make another one Active first: tic creds activate {ready[0]}"
            if ready
            else f"add another one and make it Active: tic creds new NAME --provider {credential.kind}",
        )


class ScopeInUse(CredentialError):
    """A credential is not taken away from a stack by its scope (SPEC B7)."""

    exit_code = 3

    def __init__(self, credential: Credential, scope: str, stacks: Sequence[str]) -> None:
        self.stacks = tuple(stacks)
        super().__init__(
            f"{credential.name!r} can't get the scope {scope}: {', '.join(stacks)} "
            f"{'uses it and is' if len(stacks) == 1 else 'use it and are'} outside; nothing was changed",
            hint=f"move the stack to another credential first: tic stack bind {stacks[0]} OTHER "
            f"(in a slot: --as SLOT); or destroy it: tic stack destroy {stacks[0]}",
        )


class NothingToFallBackTo(CredentialError):
    """Credentials are cleared only where an enabled role serves their stacks instead (SPEC A7)."""

    exit_code = 3

    def __init__(self, provider: str, role: RoleState, *, has_any: bool = True) -> None:
        if not has_any:
            super().__init__(
                f"there are no credentials of {provider} to clear, and no linked role to serve instead",
                hint="see which there are: tic creds list",
            )
            return
        super().__init__(
            f"the credentials of {provider} can't be cleared: its linked role is "
            + {
                RoleState.DISABLED: "not enabled",
                RoleState.AUTHORIZING: "not authorized yet",
                RoleState.FAILED: "enabled, but its authorization failed",
                RoleState.ENABLED: "enabled",
            }[role]
            + ", so their stacks would be left without authorization",
            hint=f"restore it first: tic role reauthorize {provider}"
            if role is RoleState.FAILED
            else f"enable it first: tic role enable {provider}",
        )


class NoRoleEnabled(CredentialError):
    """Without an enabled role there is nothing to clear (SPEC A7)."""

    exit_code = 3

    def __init__(self) -> None:
        super().__init__(
            "no linked role is enabled, so there is no provider whose credentials could be cleared: their "
            "stacks would be left without authorization",
            hint="enable one first: tic role enable PROVIDER; or delete credentials one by one: "
            "tic creds delete CREDENTIAL",
        )


class CredentialTakesRoleOn(CredentialError):
    """The credential with which a role is taken on stays: without it the role serves nobody."""

    exit_code = 3

    def __init__(self, credential: Credential, provider: str, *, clearing: bool = False) -> None:
        super().__init__(
            f"{credential.name!r} can't be deleted: the linked role of {provider} is taken on with it",
            hint=(
                f"keep it, and clear the others: tic creds clear {credential.kind} --keep-source; or "
                if clearing
                else ""
            )
            + f"let another identity take the role on: tic role enable {provider} --source SOURCE",
        )


class RoleInUse(CredentialError):
    """A linked role that a stack uses can't be disabled (SPEC A3)."""

    exit_code = 3

    def __init__(self, provider: str, stacks: Sequence[str]) -> None:
        self.stacks = tuple(stacks)
        super().__init__(
            f"the linked role of {provider} can't be disabled: {', '.join(stacks)} "
            f"{'uses' if len(stacks) == 1 else 'use'} it",
            hint=f"destroy the stack first: tic stack destroy {stacks[0]}",
        )


def may_create(kind: str, *, role: RoleState) -> None:
    """Raise unless a new credential of `kind` may be made now."""
    if role in (RoleState.ENABLED, RoleState.FAILED):
        raise RoleServesProvider(kind)


def may_clear(
    kind: str,
    *,
    role: RoleState,
    has_any: bool = True,
    sources: Sequence[tuple[Credential, str]] = (),
    keep_source: bool = False,
) -> None:
    """Raise unless all credentials of `kind` may be deleted at once; `has_any`: there is at least one.

    `sources` are those with which the role of a provider is taken on; with `keep_source` they stay.
    """
    if role is not RoleState.ENABLED:
        raise NothingToFallBackTo(kind, role, has_any=has_any)
    if sources and not keep_source:
        raise CredentialTakesRoleOn(*sources[0], clearing=True)


def after_trial(state: RoleState, *, worked: bool) -> RoleState:
    """The state of a role that was just tried (SPEC A2, A4)."""
    if worked:
        return RoleState.ENABLED
    return RoleState.AUTHORIZING if state is RoleState.AUTHORIZING else RoleState.FAILED


def clearable(roles: Mapping[str, RoleState]) -> list[str]:
    """The providers whose credentials may be cleared, sorted; raises NoRoleEnabled where there is none."""
    providers = sorted(provider for provider, role in roles.items() if role is RoleState.ENABLED)
    if not providers:
        raise NoRoleEnabled
    return providers


def may_disable(kind: str, *, used_by: Sequence[str]) -> None:
    """Raise unless the linked role of `kind`, which serves the stacks `used_by`, may be disabled."""
    if used_by:
        raise RoleInUse(kind, used_by)


def may_rescope(credential: Credential, scope: str, *, outside: Sequence[str]) -> None:
    """Raise unless `credential`, whose stacks `outside` lie outside of `scope`, may get it."""
    if outside:
        raise ScopeInUse(credential, scope, outside)


def state_of_new(active: Credential | None) -> State:
    """The first credential of a kind is Active; while one is, later ones are Ready (SPEC B2)."""
    return State.ACTIVE if active is None else State.READY


def may_delete(
    credential: Credential,
    *,
    role: RoleState,
    used_by: Sequence[str],
    ready: Sequence[str] = (),
    source_of: Sequence[str] = (),
) -> None:
    """Raise unless deleting `credential` is allowed now.

    `used_by` are the stacks that it serves, `source_of` the providers whose role is taken on with it; `ready`
    names the Ready credentials of its kind, for the hint.
    """
    if source_of:
        raise CredentialTakesRoleOn(credential, source_of[0])
    if role is RoleState.ENABLED:
        return  # its stacks fall back to the role
    if used_by:
        raise CredentialInUse(credential, used_by)
    if credential.state is State.ACTIVE:
        raise CredentialIsActive(credential, ready)

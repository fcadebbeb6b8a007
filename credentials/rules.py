"""Active, Ready, role on or off: who may be created and deleted. Pure; the vault asks inside its transaction.

| role     | used by a stack | state  | delete                           | new                        |
|----------|-----------------|--------|----------------------------------|----------------------------|
| enabled  | any             | any    | yes, its stacks fall back (A8)   | no (A6)                    |
| disabled | yes             | any    | no: destroy the stacks (A8)      | yes                        |
| disabled | no              | active | no: make another one Active (A8) | yes, Ready while one is    |
| disabled | no              | ready  | yes                              | Active, Active otherwise   |
"""

from collections.abc import Sequence

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
            f"tic stack bind {stacks[0]} OTHER",
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


def may_create(kind: str, *, role: RoleState) -> None:
    """Raise unless a new credential of `kind` may be made now."""
    if role is RoleState.ENABLED:
        raise RoleServesProvider(kind)


def state_of_new(active: Credential | None) -> State:
    """The first credential of a kind is Active; while one is, later ones are Ready (SPEC B2)."""
    return State.ACTIVE if active is None else State.READY


def may_delete(
    credential: Credential, *, role: RoleState, used_by: Sequence[str], ready: Sequence[str] = ()
) -> None:
    """Raise unless deleting `credential` is allowed now.

    `used_by` are the stacks that it serves; `ready` names the Ready credentials of its kind, for the hint.
    """
    if role is RoleState.ENABLED:
        return  # its stacks fall back to the role
    if used_by:
        raise CredentialInUse(credential, used_by)
    if credential.state is State.ACTIVE:
        raise CredentialIsActive(credential, ready)

"""Which account a stack is in, and which it would be in if its provider's linked role served it (SPEC A9).

A role does not reach another root account. So before a stack falls back to it, the provider is asked whose
account its credential belongs to.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from credentials.credential import RoleState
from credentials.scopes import NOWHERE, Place

if TYPE_CHECKING:
    from credentials.credential import CredentialView
    from credentials.vault import Vault


@dataclass(frozen=True, slots=True)
class Move:
    """Stacks that would fall back from a credential to a role of another account.

    `account` is the credential's; where the provider did not tell it, it is None and `why` says why not.
    """

    credential: str
    stacks: tuple[str, ...]
    account: str | None
    role_account: str
    why: str = ""

    @property
    def is_certain(self) -> bool:
        """Whether the accounts are known to be two."""
        return self.account is not None

    def __str__(self) -> str:
        stacks = ", ".join(self.stacks)
        if self.account is None:
            return (
                f"whose account {self.credential} belongs to is not known ({self.why}); {stacks} would go to "
                f"account {self.role_account} of the linked role"
            )
        return (
            f"{self.credential} belongs to account {self.account}, and the linked role to account "
            f"{self.role_account}: {stacks} would change accounts, and what {stacks} made stays in "
            f"{self.account}"
        )


def moves(vault: "Vault", views: "Iterable[CredentialView]", place: Place = NOWHERE) -> list[Move]:
    """What would change accounts if these credentials went and their stacks fell back to the linked role.

    Asks the providers. Empty where no role is enabled: nothing falls back then.
    """
    from credentials.identity.verification import verify_one

    found = []
    for view in views:
        credential = view.credential
        if not view.used_by or vault.role(credential.kind) is not RoleState.ENABLED:
            continue
        role_account = vault.linked.find(credential.kind).account
        asked = verify_one(vault, credential, place=place)
        if asked.identity is None or not asked.identity.account:
            why = str(asked.problem) if asked.problem is not None else "the provider does not tell"
            found.append(Move(credential.name, view.used_by, None, role_account, why))
        elif asked.identity.account != role_account:
            found.append(Move(credential.name, view.used_by, asked.identity.account, role_account))
    return found

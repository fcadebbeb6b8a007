"""Rotating a credential: its provider is asked about the new values first, and runs finish (SPEC B5, B9)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from credentials import identity
from credentials.identity import IdentityError, NotVerifiable, PackageMissing
from engine.errors import EngineError
from engine.leases import alive

if TYPE_CHECKING:
    from credentials.credential import OpenedCredential, Rotated
    from credentials.identity import Identity
    from credentials.vault import Vault

UNASKED = "--no-verify"


class NewValuesRefused(EngineError):
    """The provider rejects the new values, or can't be asked; the credential is what it was."""

    exit_code = 1

    def __init__(self, name: str, why: IdentityError) -> None:
        super().__init__(
            f"the new values of {name!r} were not taken, nothing was changed: {why}",
            hint=f"{why.hint.replace('CREDENTIAL', name)}; "
            f"or take them without asking: tic creds rotate {name} --no-verify",
        )
        self.exit_code = why.exit_code


@dataclass(frozen=True, slots=True)
class Rotation:
    """What was done, and who the provider says the new values are; if nobody was asked, why.

    `replaces_secrets` is whether there are former secrets now, which are to be revoked.
    """

    done: "Rotated"
    identity: "Identity | None"
    unverified: str
    replaces_secrets: bool


def rotate(
    vault: "Vault",
    reference: str,
    given: Mapping[str, str],
    *,
    verify: bool = True,
    asking: Callable[[str], None] = lambda _kind: None,
) -> Rotation:
    """Verify what the credential would hold with the fields `given`, then put it in.

    A kind that nobody can be asked about, or whose SDK is missing, is rotated unverified. What an ended
    process worked with is deleted, what a living one works with stays sealed. `asking` is told the kind right
    before its provider is asked.

    Raises NothingNew, NewValuesRefused, and what `Vault.rotate` raises.
    """
    new = vault.after_rotation(reference, given)
    who, unverified = _asked(new.opened, asking) if verify else (None, UNASKED)
    verified = f"no ({unverified})" if who is None else who.principal or who.account or "yes"
    done = vault.rotate(reference, given, alive=alive, verified=verified)
    return Rotation(done, who, unverified, new.replaces_secrets)


def _asked(new: "OpenedCredential", asking: Callable[[str], None]) -> "tuple[Identity | None, str]":
    """Who the provider says the new values are, or why it can't be asked whatever they are."""
    if identity.verifiable(new.credential.kind):
        asking(new.credential.kind)
    try:
        return identity.verify(new.credential.kind, new.fields), ""
    except (NotVerifiable, PackageMissing) as why:
        return None, str(why)
    except IdentityError as why:
        raise NewValuesRefused(new.credential.name, why) from None

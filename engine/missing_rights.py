"""A DNS provider that refuses for want of a permission: which one, and the policy that grants it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from credentials import privileges
from stacks.dns.publisher import ProviderFailed

if TYPE_CHECKING:
    from credentials.credential import Credential

PURPOSE = "apply"


class PermissionMissing(ProviderFailed):
    """A credential is known to its cloud and may not do what publishing or withdrawing a record calls."""

    def __init__(self, credential: "Credential", missing: privileges.Missing, error: ProviderFailed) -> None:
        named = " or ".join(missing.actions)
        lacks = "lacks" if missing.surely else "may lack"
        super().__init__(
            f"{credential.name} ({credential.kind}) {lacks} the permission {named}: {error}",
            hint=_hint(credential.kind, missing),
            untouched=error.untouched,
        )
        self.actions = missing.actions


@contextmanager
def missing_rights_named(credential: "Credential", doing: privileges.Doing) -> Iterator[None]:
    """Let the cloud's refusal of a credential name the permission that it lacks. Raises PermissionMissing."""
    try:
        yield
    except ProviderFailed as error:
        if credential.kind not in privileges.providers():
            raise
        missing = privileges.load(credential.kind).purposes[PURPOSE].missing(str(error), doing)
        if missing is None:
            raise
        raise PermissionMissing(credential, missing, error) from error


def _hint(kind: str, missing: privileges.Missing) -> str:
    known = privileges.load(kind)
    if not known.purposes[PURPOSE].grants(missing.actions):
        return (
            f"let it do {' or '.join(missing.actions)} ({known.paste}), and where it is a role that is taken "
            "on, let the role's trust policy name who does; then run again: tic stack up"
        )
    first = "" if missing.surely else "check that the zone is in this account; if it is: "
    return (
        f"{first}attach the policy that this prints: tic creds privileges {kind} --for {PURPOSE} "
        "--format policy; then run again: tic stack up"
    )

"""What is in a credential: its fields, each sealed for this credential, scope, version, name and siblings.

Every field is sealed, secret or not. A seal knows the names of all fields of its version, so a field that was
taken away or added is noticed as well as one that was changed or moved.
"""

from collections.abc import Iterable, Mapping

from credentials.credential import Credential
from credentials.errors import CredentialError
from credentials.scopes import EVERYWHERE
from credentials.sealing import BrokenSeal, Sealer
from credentials.secret import SecretBytes


class DamagedCredential(CredentialError):
    """A field of the credential does not open: its row was changed, cut, moved or taken from an old copy."""

    exit_code = 5

    def __init__(self, credential: Credential, what: str) -> None:
        super().__init__(
            f"{credential.name!r} ({credential.token}) is damaged: {what}; the database was changed by "
            "something else than tic",
            hint="see what else is wrong: tic vault doctor; then put a backup back (tic vault restore FILE), "
            f"or accept the rest (tic vault accept) and give new values: tic creds rotate {credential.name}",
        )


def seal_fields(
    sealer: Sealer, credential: Credential, version: int, fields: Mapping[str, str]
) -> dict[str, bytes]:
    """The fields sealed for one version of a credential."""
    return {
        name: sealer.seal(_owner(credential, version, name, fields), value.encode())
        for name, value in fields.items()
    }


def open_fields(
    sealer: Sealer, credential: Credential, sealed: Mapping[str, bytes]
) -> dict[str, SecretBytes]:
    """All fields of the current version; raises DamagedCredential."""
    if not sealed:
        raise DamagedCredential(credential, "its fields are gone")
    return {name: open_field(sealer, credential, name, sealed) for name in sealed}


def open_field(sealer: Sealer, credential: Credential, name: str, sealed: Mapping[str, bytes]) -> SecretBytes:
    """One field of the current version; `sealed` holds all of its fields. Raises DamagedCredential."""
    try:
        return SecretBytes(sealer.open(_owner(credential, credential.version, name, sealed), sealed[name]))
    except BrokenSeal:
        raise DamagedCredential(credential, f"its field {name} does not open") from None


def _owner(credential: Credential, version: int, field: str, siblings: Iterable[str]) -> tuple[str, ...]:
    # A field of a credential for everywhere is sealed as it was before there were scopes.
    scope = () if credential.scope == EVERYWHERE else (f"scope {credential.scope}",)
    return (
        "field",
        credential.token,
        credential.name,
        credential.kind,
        *scope,
        str(version),
        field,
        *sorted(siblings),
    )

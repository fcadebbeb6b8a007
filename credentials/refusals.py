"""What the vault says when it has not what it is asked for, or already has it."""

import difflib
from collections.abc import Sequence
from pathlib import Path

from credentials.errors import CredentialError


class NoVault(CredentialError):
    """The database holds no vault yet."""

    exit_code = 5

    def __init__(self) -> None:
        super().__init__("there is no vault in this database yet", hint="make one: tic vault init")


class VaultExists(CredentialError):
    """A second vault is not made in the same place; nothing was changed."""

    exit_code = 3

    def __init__(self, folder: Path) -> None:
        super().__init__(
            f"there is a vault in {folder} already; nothing was changed",
            hint="look at it: tic vault status; or make another one: TIC_HOME=FOLDER tic vault init",
        )


class NoCredential(CredentialError):
    """No credential has this name or token."""

    exit_code = 4

    def __init__(self, reference: str, names: Sequence[str]) -> None:
        close = difflib.get_close_matches(reference, names, n=1)
        super().__init__(
            f"there is no credential {reference[:64]!r}" + (f"; did you mean {close[0]!r}?" if close else ""),
            hint="see all of them: tic creds list" if names else "make one: tic creds new NAME --provider P",
        )


class NameTaken(CredentialError):
    """Another credential has this name."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"there is a credential {name!r} already; nothing was changed",
            hint=f"take another name, or replace what is in it: tic creds rotate {name}",
        )


class NothingNew(CredentialError):
    """A rotation gives what the credential has already: what is at the provider is not to be revoked."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"these are the values that {name!r} has; nothing was changed",
            hint=f"have new values made where these came from, then: tic creds rotate {name}",
        )


class ConflictingChange(CredentialError):
    """The database itself refused: another process changed the same thing at the same time."""

    exit_code = 3

    def __init__(self) -> None:
        super().__init__(
            "the database refused this change, because something else changed or uses the same credential; "
            "nothing was changed",
            hint="see what is there now: tic creds list",
        )


class DamagedSecret(CredentialError):
    """A sealed secret of a stack does not open: it was changed, cut, or sealed for something else."""

    exit_code = 5

    def __init__(self, context: str) -> None:
        super().__init__(
            f"a secret of {context} does not open: the database was changed by something else than tic",
            hint="put the database back from your backup, or set the secret anew",
        )


class DamagedRow(CredentialError):
    """A row of the vault's tables holds what tic has not put there."""

    exit_code = 5

    def __init__(self, table: str) -> None:
        super().__init__(
            f"the database is damaged: a row of its table {table} holds what tic does not put there",
            hint="put a backup back: tic vault restore FILE --force (what is there now is kept aside); or a "
            "copy of tic.db; vault.key stays as it is",
        )


class DamagedVault(DamagedRow):
    """The vault's own row is gone, and with it the keys; what they sealed is there still."""

    def __init__(self, table: str) -> None:
        CredentialError.__init__(
            self,
            "the database is damaged: the vault's own row is gone, and with it the keys of what is in its "
            f"table {table}",
            hint="put a backup back: tic vault restore FILE --force (what is there now is kept aside)",
        )


class ChangedBehindTheVault(CredentialError):
    """The vault's tables are not what tic last made them: a row was changed, added, or taken away."""

    exit_code = 5

    def __init__(self) -> None:
        super().__init__(
            "the vault's tables were changed by something else than tic, so nothing was done with them",
            hint="see what is wrong: tic vault doctor; then put a backup back (tic vault restore FILE), or "
            "accept what is there now (tic vault accept)",
        )

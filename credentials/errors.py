"""The root of what the vault refuses; the CLI prints message and hint in one place."""


class CredentialError(Exception):
    """Something that the vault refuses or cannot do: `hint` is the next command or step, never empty.

    Exit codes: 2 bad input, 3 refused by a rule, 4 not found, 5 vault locked, damaged or absent.
    """

    exit_code = 2

    def __init__(self, message: str, *, hint: str) -> None:
        super().__init__(message)
        self.hint = hint

"""What is wrong with a file that a credential should become."""

from credentials.errors import CredentialError


class UnfitFile(CredentialError):
    """The fields make no such file, or the given one is none; the message repeats nothing of them."""

    def __init__(self, what: str, fault: str, *, hint: str) -> None:
        super().__init__(f"{what} can't be used: {fault}", hint=hint)

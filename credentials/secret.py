"""A secret has a type: it shows as `***`, gets into no file by accident, and is revealed in one place."""

import hmac
from typing import Final, NoReturn, final

MASK: Final = "***"


@final
class SecretBytes:
    """A secret value in memory. `reveal()` is the only way to what is inside.

    Text, formatting and representation are `***`; comparing takes the same time whatever differs; it can't be
    pickled, copied or hashed. Python can't wipe memory: keep these objects short-lived.
    """

    __slots__ = ("_value",)

    def __init__(self, value: bytes) -> None:
        self._value = bytes(value)

    def reveal(self) -> bytes:
        """The secret itself; call it where the secret leaves this process and nowhere earlier."""
        return self._value

    def __repr__(self) -> str:
        return MASK

    def __format__(self, _specification: str) -> str:
        return MASK

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, SecretBytes):
            return NotImplemented
        return hmac.compare_digest(self._value, other._value)

    __hash__ = None  # type: ignore[assignment]  # a hash would tell equal secrets apart in logs

    def __reduce_ex__(self, _protocol: object) -> NoReturn:
        raise TypeError("a secret can't be pickled or copied")

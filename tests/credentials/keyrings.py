"""A keyring that keeps its entries in this process, in place of the machine's."""

import keyring
from keyring.backend import KeyringBackend
from keyring.errors import PasswordDeleteError


class InMemory(KeyringBackend):
    """As a real one: entries by service and user name."""

    priority = 5

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.entries: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.entries.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.entries[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        if self.entries.pop((service, username), None) is None:
            raise PasswordDeleteError("not found")


class using:  # noqa: N801  reads as the with statement that it is
    """Another keyring, for a while."""

    def __init__(self, backend: KeyringBackend) -> None:
        self._backend = backend

    def __enter__(self) -> None:
        self._before = keyring.get_keyring()
        keyring.set_keyring(self._backend)

    def __exit__(self, *_: object) -> None:
        keyring.set_keyring(self._before)

"""The vault key in the keyring of the operating system (macOS Keychain, Secret Service, Windows Credential
Locker), through the `keyring` package.

Its entry: service `tic`, user name the vault's id, password the key's text form. While a vault gets another
key, the new one lies beside it under the vault's id and `.next`, as with the file.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from credentials.keys.established import Established, established, fits, wanted_id
from credentials.keys.form import KeyUnusable, as_text, from_text, new_key
from credentials.secret import SecretBytes

if TYPE_CHECKING:
    from keyring.backend import KeyringBackend

SOURCE: Final = "keyring"
SERVICE: Final = "tic"
_ELSEWHERE: Final = "or keep the key elsewhere: --key file, passphrase or environment"


class NoKeyring(KeyUnusable):
    """The package is not installed, or this machine has no keyring that it knows."""

    exit_code = 6


def check() -> None:
    """Raise NoKeyring unless there is a keyring to put a key into."""
    _backend()


def establish(vault_id: str, *, replacing: bool = False) -> Established:
    """A new key in the keyring, read back once; the caller holds the write lock. Raises KeyUnusable."""
    key, backend = new_key(), _backend()
    name = _next(vault_id) if replacing else vault_id
    _put(backend, name, key)
    return established(SOURCE, key, service=SERVICE, username=vault_id, backend=backend.name)


def unlock(params: Mapping[str, object] | None, vault_id: str) -> SecretBytes:
    """The key that the vault is under, from whichever of its two entries has it; raises KeyUnusable."""
    wanted, backend = wanted_id(params), _backend()
    found = [key for name in (vault_id, _next(vault_id)) if (key := _get(backend, name)) is not None]
    for key in found:
        if fits(key, wanted):
            return key
    if found:
        raise KeyUnusable(
            f"the key in the keyring ({backend.name}) is not the one that this vault was made with, or the "
            "vault's own row was changed",
            hint=f"put the right one back: service {SERVICE}, user name {vault_id}",
        )
    raise KeyUnusable(
        f"the keyring ({backend.name}) has no key for this vault: service {SERVICE}, user name {vault_id}",
        hint="log in as the user, and on the machine, that the vault was made by; or put a backup back that "
        "was sealed with a passphrase: tic vault restore FILE",
    )


def settle(params: Mapping[str, object] | None, vault_id: str) -> None:
    """Let the vault's key be its one entry; the caller holds the write lock. Raises KeyUnusable."""
    wanted, backend = wanted_id(params), _backend()
    key_after = _get(backend, _next(vault_id))
    if key_after is None:
        return
    if wanted is not None and fits(key_after, wanted):
        _put(backend, vault_id, key_after)
    elif (key := _get(backend, vault_id)) is None or not fits(key, wanted):
        return  # neither is the vault's, and this is not the place to destroy one
    _delete(backend, _next(vault_id))


def forget(vault_id: str) -> None:
    """Remove the entries of a vault whose key comes from elsewhere now; raises KeyUnusable."""
    backend = _backend()
    for name in (_next(vault_id), vault_id):
        if _get(backend, name) is not None:
            _delete(backend, name)


def _next(vault_id: str) -> str:
    return f"{vault_id}.next"


def _backend() -> "KeyringBackend":
    try:
        import keyring
        from keyring.backends import fail
    except ImportError:
        raise NoKeyring(
            "the operating system's keyring is reached through a package that is not installed: keyring",
            hint=f"install it: pip install 'tic-engine[keyring]'; {_ELSEWHERE}",
        ) from None
    with _explained():
        backend = keyring.get_keyring()
    if isinstance(backend, fail.Keyring):
        raise NoKeyring(
            "this machine has no keyring that tic could keep a key in",
            hint=f"on Linux, start a Secret Service (gnome-keyring, KWallet, KeePassXC); {_ELSEWHERE}",
        )
    return backend


def _put(backend: "KeyringBackend", name: str, key: SecretBytes) -> None:
    with _explained():
        backend.set_password(SERVICE, name, as_text(key).reveal().decode())
    if _get(backend, name) != key:  # such as the null keyring, which takes everything and keeps nothing
        raise KeyUnusable(
            f"the keyring ({backend.name}) did not keep the key that it was given",
            hint=f"see which keyring is used: keyring --list-backends; {_ELSEWHERE}",
        )


def _get(backend: "KeyringBackend", name: str) -> SecretBytes | None:
    with _explained():
        text = backend.get_password(SERVICE, name)
    if text is None:
        return None
    key = from_text(text.encode())
    if key is None:
        raise KeyUnusable(
            f"the keyring's entry for this vault is no vault key: service {SERVICE}, user name {name}",
            hint="put the right one back; it begins with tic-vault-key-1:",
        )
    return key


def _delete(backend: "KeyringBackend", name: str) -> None:
    with _explained():
        backend.delete_password(SERVICE, name)


@contextmanager
def _explained() -> Iterator[None]:
    """Turn the package's errors into KeyUnusable; backends raise others of their own beside them."""
    from keyring.errors import KeyringError, KeyringLocked

    try:
        yield
    except KeyringLocked as error:
        raise KeyUnusable(
            "the keyring is locked, and was not unlocked", hint="unlock it, and run the command again"
        ) from error
    except (KeyringError, RuntimeError, OSError) as error:
        raise KeyUnusable(
            f"the keyring failed ({type(error).__name__})",
            hint="look at it: keyring diagnose; then run the command again",
        ) from error

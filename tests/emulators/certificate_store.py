"""What services that keep certificates have in common: what they keep, and whether it belongs together."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from tests.emulators.signing import Key


class NoCertificate(ValueError):
    """A text that is no certificate."""


class NoKey(ValueError):
    """A text that is no private key."""


class NoPair(ValueError):
    """A key that is not the certificate's."""


@dataclass(slots=True)
class Kept:
    """A certificate at a service; `used_by` is what there uses it."""

    name: str
    certificate: x509.Certificate
    chain: list[x509.Certificate]
    key: str = field(repr=False)
    used_by: list[str] = field(default_factory=list)

    @property
    def pem(self) -> str:
        """The certificate alone."""
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    @property
    def sha256(self) -> str:
        """Its fingerprint, in hexadecimal."""
        return self.certificate.fingerprint(hashes.SHA256()).hex()

    @property
    def complete(self) -> bool:
        """Whether each certificate of the chain signed the one before."""
        every = [self.certificate, *self.chain]
        return bool(self.chain) and all(
            one.issuer == other.subject for one, other in zip(every, self.chain, strict=False)
        )

    def valid(self, now: datetime) -> bool:
        """Whether it is now."""
        return self.certificate.not_valid_before_utc <= now < self.certificate.not_valid_after_utc


class Store:
    """What an account keeps by id, `calls` of it by the names of their permissions, and who may what."""

    def __init__(self, keys: Mapping[str, Key]) -> None:
        self.kept: dict[str, Kept] = {}
        self.calls: list[str] = []
        self.refused: list[str] = []  # calls that named a certificate which is not there, or were nonsense
        self._keys = keys
        self._made = 0

    def add(self, prefix: str, kept: Kept) -> str:
        """Keep one; gives its id."""
        self._made += 1
        id_ = f"{prefix}{self._made:012d}"
        self.kept[id_] = kept
        return id_

    def taken(self) -> list[str]:
        """What was called since this was asked last."""
        calls, self.calls = self.calls, []
        return calls

    @contextmanager
    def without(self, action: str) -> Iterator[None]:
        """No key may do this while the block runs."""
        before = dict(self._keys)
        self._set({id_: replace(key, denied=key.denied | {action}) for id_, key in before.items()})
        try:
            yield
        finally:
            self._set(before)

    def _set(self, keys: Mapping[str, Key]) -> None:
        assert isinstance(self._keys, dict)
        self._keys.update(keys)


def kept(name: str, pems: Iterable[str], key_pem: str) -> Kept:
    """What these texts are; raises NoCertificate, NoKey, NoPair."""
    try:
        certificate, *chain = x509.load_pem_x509_certificates("".join(pems).encode())
    except ValueError as error:
        raise NoCertificate from error
    try:
        key = serialization.load_pem_private_key(key_pem.encode(), None)
    except ValueError as error:
        raise NoKey from error
    if key.public_key() != certificate.public_key():
        raise NoPair
    return Kept(name, certificate, chain, key_pem)

"""What services that keep certificates have in common: what they keep, and whether it belongs together."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization


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
    """What an account keeps by id, and `calls` of it by the names of their permissions.

    `ids` makes an id of a number, which is another one for each certificate.
    """

    def __init__(self, ids: Callable[[int], str]) -> None:
        self.kept: dict[str, Kept] = {}
        self.calls: list[str] = []
        self._ids = ids
        self._made = 0

    def add(self, kept: Kept) -> str:
        """Keep one; gives its id."""
        self._made += 1
        id_ = self._ids(self._made)
        self.kept[id_] = kept
        return id_

    def put(self, name: str, pem: str, key_pem: str) -> str:
        """Keep what these texts are; gives its id. Raises NoCertificate, NoKey, NoPair."""
        return self.add(kept(name, [pem], key_pem))

    def taken(self) -> list[str]:
        """What was called since this was asked last."""
        calls, self.calls = self.calls, []
        return calls


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

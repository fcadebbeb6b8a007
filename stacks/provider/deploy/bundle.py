"""A certificate that is ready to be deployed: what belongs together is together, before anything is sent.

A cloud that takes a key which is not the certificate's (several do) would serve nothing, or the wrong thing.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from stacks.errors import StackError
from stacks.provider.acme.identifiers import domains
from stacks.provider.acme.keys import private_key
from stacks.provider.properties import Change, Kind, Property
from stacks.provider.resource import Values

CLOCK_SKEW = timedelta(minutes=5)  # of this machine against the CA
TOGETHER = "give all of `certificatePem`, `chainPem` and `privateKeyPem` from the same Certificate"
MATERIAL = (
    Property("certificatePem", Kind.STRING, "The certificate, in PEM.", required=True, change=Change.UPDATE),
    Property("chainPem", Kind.STRING, "Its chain, in PEM.", default="", change=Change.UPDATE),
    Property(
        "privateKeyPem",
        Kind.STRING,
        "Its private key, in PEM.",
        required=True,
        secret=True,
        change=Change.UPDATE,
        rule=private_key,
        missing="is required; a certificate for a CSR of your own has none: give the key that the CSR was "
        "made with, as a secret",
    ),
    Property(
        "domains",
        Kind.STRINGS,
        "Names that it must hold, where they are to be checked before it is sent.",
        change=Change.UPDATE,
        rule=domains,
    ),
)
"""The inputs of every target, `privateKeyPem` among them: a secret."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """A checked certificate: PEM texts that end with a line break, `serial` in hexadecimal, `fingerprint` the
    SHA-256 of its DER in hexadecimal, `not_after` aware. The key is in no repr.
    """

    certificate_pem: str
    chain_pem: str
    private_key_pem: str = field(repr=False)
    serial: str
    fingerprint: str
    not_after: datetime
    domains: tuple[str, ...]

    @property
    def fullchain_pem(self) -> str:
        """The certificate, then its chain."""
        return self.certificate_pem + self.chain_pem


def bundle(inputs: Values, where: str, now: datetime | None = None, *, keyless: bool = False) -> Bundle:
    """Read and check the inputs of a target, which `where` names to a person.

    The key is the certificate's, each certificate of the chain signed the one before, a certificate that
    another one signed has a chain, the names are there, and it has not expired. `keyless`: the key may be
    missing. Raises StackError.
    """
    from stacks.provider.acme.certificates import check_belongs, check_covers, read_issued

    certificate, chain, key = (inputs.get(each.name) or "" for each in MATERIAL[:3])
    names: Sequence[str] = inputs.get("domains") or ()
    try:
        check_belongs(certificate, chain, None if keyless and not key else key)
        issued = read_issued(certificate)
        check_covers(certificate, names)
        if not chain.strip() and not _signs_itself(certificate):
            raise ValueError("its chain is missing, and clients would not find the way to the root")
    except ValueError as error:
        raise StackError(f"nothing was sent to {where}: {error}", hint=TOGETHER) from error
    now = now or datetime.now(UTC)
    if issued.not_before > now + CLOCK_SKEW:
        raise StackError(
            f"nothing was sent to {where}: the certificate is not valid before "
            f"{issued.not_before:%Y-%m-%d %H:%M} UTC",
            hint="deploy it then, or see that the clock of this machine is right",
        )
    if issued.not_after <= now:
        raise StackError(
            f"nothing was sent to {where}: the certificate expired at {issued.not_after:%Y-%m-%d %H:%M} UTC",
            hint="renew it: tic cert renew CERTIFICATE --force",
        )
    return Bundle(
        issued.certificate_pem,
        _text(chain),
        _text(key),
        issued.serial,
        fingerprint(certificate),
        issued.not_after,
        issued.domains,
    )


def _text(pem: str) -> str:
    return pem.strip() + "\n" if pem.strip() else ""


def fingerprint(certificate_pem: str) -> str:
    """SHA-256 of the certificate's DER, in hexadecimal; raises ValueError where it is no certificate."""
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    der = x509.load_pem_x509_certificate(certificate_pem.encode()).public_bytes(Encoding.DER)
    return hashlib.sha256(der).hexdigest()


def _signs_itself(certificate_pem: str) -> bool:
    from cryptography import x509

    leaf = x509.load_pem_x509_certificate(certificate_pem.encode())
    return leaf.issuer == leaf.subject

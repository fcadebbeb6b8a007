"""Whether what is served is what was issued: serial numbers, chains and dates, address by address (E3)."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stacks.serving.endpoint import Endpoint
from stacks.serving.handshake import NotServed, addresses, presented

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

AT_ONCE = 16
SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Issued:
    """What is to be served: DER of the certificate, and of its chain in order."""

    certificate: bytes
    chain: tuple[bytes, ...]

    @classmethod
    def of(cls, certificate_pem: str, chain_pem: str) -> "Issued":
        """From PEM texts; raises ValueError, which says which of them is none."""
        from stacks.provider.acme.certificates import load

        leaf = load(certificate_pem)[0]
        chain = load(chain_pem, "the chain") if chain_pem.strip() else []
        return cls(_der(leaf), tuple(_der(each) for each in chain))


@dataclass(frozen=True, slots=True)
class Finding:
    """What one address shows: `served` where it is what was issued, with its chain; `text` says it."""

    address: str
    served: bool
    text: str
    serial: str | None = None


def check(endpoint: Endpoint, issued: Issued, seconds: float = SECONDS) -> list[Finding]:
    """Connect to every address of the endpoint; at least one finding, and never an error."""
    try:
        found = addresses(endpoint)
    except NotServed as error:
        return [Finding(endpoint.host, served=False, text=str(error))]

    def look(address: str) -> Finding:
        try:
            return compared(address, issued, presented(endpoint, address, seconds))
        except NotServed as error:
            return Finding(address, served=False, text=str(error))

    with ThreadPoolExecutor(min(AT_ONCE, len(found)), thread_name_prefix="probe") as pool:
        return list(pool.map(look, found))


def compared(address: str, issued: Issued, shown: "Sequence[Certificate]") -> Finding:
    """What the address shows against what was issued; a root at the end may be left out (RFC 8446 4.4.2)."""
    if not shown:
        return Finding(address, served=False, text="shows no certificate")
    leaf, serial = shown[0], f"{shown[0].serial_number:x}"
    if _der(leaf) != issued.certificate:
        issuer = leaf.issuer.rfc4514_string() or "nobody"
        text = f"serves another certificate: serial {serial}, valid until {_until(leaf)}, from {issuer}"
        return Finding(address, served=False, text=text, serial=serial)
    sent = [_der(each) for each in shown[1:]]
    wanted = [each for each in issued.chain if not _is_root(each)]
    if sent[: len(wanted)] != wanted:
        missing = len([each for each in wanted if each not in sent])
        what = (
            f"without {missing} of the {len(wanted)} certificates of its chain"
            if missing
            else "with its chain out of order"
        )
        return Finding(address, served=False, text=f"serves it {what}", serial=serial)
    return Finding(address, served=True, text=f"serves it, valid until {_until(leaf)}", serial=serial)


def _until(certificate: "Certificate") -> str:
    return f"{certificate.not_valid_after_utc:%Y-%m-%d %H:%M} UTC"


def _der(certificate: "Certificate") -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding

    return certificate.public_bytes(Encoding.DER)


def _is_root(der: bytes) -> bool:
    from cryptography import x509

    one = x509.load_der_x509_certificate(der)
    return one.issuer == one.subject

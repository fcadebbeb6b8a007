"""A CA of a test's own that says, over HTTP, what it has revoked: by lists and by a responder."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

NOW = datetime.now(UTC).replace(microsecond=0)
REVOKED_AT = NOW - timedelta(days=1)
Key = ec.EllipticCurvePrivateKey


def key() -> Key:
    """A new one."""
    return ec.generate_private_key(ec.SECP256R1())


@dataclass(slots=True)
class Authority:
    """What it answers with is `answers` by path; `asked` counts the requests for each."""

    base: str
    key: Key = field(default_factory=key)
    answers: dict[str, Callable[[bytes], tuple[int, bytes]]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    @property
    def certificate(self) -> x509.Certificate:
        """Its own; self-signed."""
        return self._made("authority", self.key, 1).sign(self.key, hashes.SHA256())

    def issued(self, serial: int = 7, *, lists: bool = False, responder: bool = False) -> x509.Certificate:
        """A certificate that says where its list or its responder is."""
        made = self._made("leaf", key(), serial)
        if lists:
            named = x509.DistributionPoint(
                [x509.UniformResourceIdentifier(self.base + "/crl")], None, None, None
            )
            made = made.add_extension(x509.CRLDistributionPoints([named]), critical=False)
        if responder:
            place = x509.UniformResourceIdentifier(self.base + "/ocsp")
            access = x509.AccessDescription(AuthorityInformationAccessOID.OCSP, place)
            made = made.add_extension(x509.AuthorityInformationAccess([access]), critical=False)
        return made.sign(self.key, hashes.SHA256())

    def delegate(
        self, *, may_sign: bool = True, ends: timedelta = timedelta(days=1)
    ) -> tuple[x509.Certificate, Key]:
        """A responder's certificate and key."""
        own = key()
        made = self._made("responder", own, 3, ends)
        if may_sign:
            made = made.add_extension(
                x509.ExtendedKeyUsage([ExtendedKeyUsageOID.OCSP_SIGNING]), critical=False
            )
        return made.sign(self.key, hashes.SHA256()), own

    def crl(
        self,
        *serials: int,
        signed_by: Key | None = None,
        name: str = "authority",
        until: datetime = NOW + timedelta(days=7),
        reason: x509.ReasonFlags | None = x509.ReasonFlags.key_compromise,
        also: x509.IssuingDistributionPoint | None = None,
    ) -> bytes:
        """A list of these serial numbers."""
        made = x509.CertificateRevocationListBuilder(_name(name), NOW - timedelta(days=30), until)
        for serial in serials:
            entry = x509.RevokedCertificateBuilder(serial, REVOKED_AT)
            if reason is not None:
                entry = entry.add_extension(x509.CRLReason(reason), critical=False)
            made = made.add_revoked_certificate(entry.build())
        if also is not None:
            made = made.add_extension(also, critical=True)
        return made.sign(signed_by or self.key, hashes.SHA256()).public_bytes(Encoding.DER)

    def response(
        self,
        leaf: x509.Certificate,
        status: ocsp.OCSPCertStatus,
        *,
        signed_by: tuple[x509.Certificate, Key] | None = None,
        from_: datetime = NOW - timedelta(hours=1),
        until: datetime | None = NOW + timedelta(days=1),
    ) -> bytes:
        """An answer of its responder."""
        revoked = status is ocsp.OCSPCertStatus.REVOKED
        signer, own = signed_by or (self.certificate, self.key)
        made = ocsp.OCSPResponseBuilder().add_response(
            leaf,
            self.certificate,
            hashes.SHA1(),  # noqa: S303  # names, no signature
            status,
            from_,
            until,
            REVOKED_AT if revoked else None,
            x509.ReasonFlags.superseded if revoked else None,
        )
        made = made.responder_id(ocsp.OCSPResponderEncoding.HASH, signer).certificates([signer])
        return made.sign(own, hashes.SHA256()).public_bytes(Encoding.DER)

    def _made(
        self, name: str, own: Key, serial: int, ends: timedelta = timedelta(days=30)
    ) -> x509.CertificateBuilder:
        return x509.CertificateBuilder(
            issuer_name=_name("authority"),
            subject_name=_name(name),
            public_key=own.public_key(),
            serial_number=serial,
            not_valid_before=NOW - timedelta(days=2),
            not_valid_after=NOW + ends,
        )


def pem(*certificates: x509.Certificate) -> str:
    """In one text."""
    return "".join(each.public_bytes(Encoding.PEM).decode() for each in certificates)


@contextmanager
def authority() -> Iterator[Authority]:
    """One that is running; what it has no answer for is HTTP 404."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(b"")

        def do_POST(self) -> None:
            self._answer(self.rfile.read(int(self.headers["Content-Length"])))

        def _answer(self, body: bytes) -> None:
            made.asked.append(self.path)
            status, content = made.answers.get(self.path, _nothing)(body)
            self.send_response(status)
            self.send_header("Location", f"{made.base}/elsewhere")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        made = Authority(f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield made
        finally:
            server.shutdown()
            thread.join()


def _nothing(_: bytes) -> tuple[int, bytes]:
    return 404, b""


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])

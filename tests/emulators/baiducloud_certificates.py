"""Baidu AI Cloud's certificate service: https://cloud.baidu.com/doc/Reference/s/Gjwvz27xu.

It lists everything at once. Data is replaced only while nothing uses the certificate; with `only_expired`
also only once it has expired, as one reading of its documents has it. What its fingerprint is made of, no
document says: it is SHA-1 here, or none.
"""

import re
from collections.abc import Iterable
from typing import Any, Final

from cryptography.hazmat.primitives import hashes

from tests.emulators.baiducloud import BaiduCloud
from tests.emulators.certificate_store import Kept, NoCertificate, NoKey, NoPair, Store, kept
from tests.emulators.proxy import Request
from tests.emulators.signing import Denied, Key

HOST: Final = "certificate.baidubce.com"
PERMISSION: Final = "bce:cas FULL_CONTROL"
_PATH = re.compile(r"/v1/certificate(/(?P<id>cert-\w+)(?P<detail>/detail)?)?")
_NAME = re.compile(r"[a-zA-Z][a-zA-Z0-9\-/.]{2,64}")


class BaiduCloudCertificates(BaiduCloud):
    """The account with its certificates."""

    def __init__(
        self, keys: Iterable[Key], *, only_expired: bool = False, tells_fingerprints: bool = True
    ) -> None:
        super().__init__(keys)
        self.only_expired = only_expired
        self.tells_fingerprints = tells_fingerprints
        self.store = Store(lambda number: f"cert-{number:012d}")

    def served(self, request: Request, key: Key) -> dict[str, Any]:
        """What this key may have; raises Denied."""
        at = _PATH.fullmatch(request.path)
        if request.host != HOST or at is None:
            return super().served(request, key)
        self.store.calls.append(PERMISSION)
        if not self.iam.may(key, PERMISSION):
            raise Denied(403, "AccessDenied", "Access denied.")
        id_ = at["id"]
        if id_ is None and request.method == "POST":
            made = self._read(request.json())
            return {"certId": self.store.add(made), "certName": made.name}
        if id_ is None and request.method == "GET":
            return {"certs": [self._told(one, each) for one, each in self.store.kept.items()]}
        if id_ not in self.store.kept:
            raise Denied(404, "ResourceNotFoundException", "The specified resource is not found.")
        held = self.store.kept[id_]
        if request.method == "GET":
            return {**self._told(id_, held), **(self._details(held) if at["detail"] else {})}
        if held.used_by or (request.method == "PUT" and self.only_expired and held.valid(self.now())):
            raise Denied(409, "OperationNotAllowedException", "The certificate is in use.")
        if request.method == "PUT" and request.query in ("certData", "certData="):
            self.store.kept[id_] = self._read(request.json())
            return {}
        if request.method == "DELETE":
            del self.store.kept[id_]
            return {}
        raise Denied(400, "BadRequest", "The request is not valid.")

    def _told(self, id_: str, one: Kept) -> dict[str, Any]:
        subject = one.certificate.subject.rfc4514_string().removeprefix("CN=")
        told = {
            "certId": id_,
            "certName": one.name,
            "certCommonName": subject,
            "certStartTime": f"{one.certificate.not_valid_before_utc:%Y-%m-%dT%H:%M:%SZ}",
            "certStopTime": f"{one.certificate.not_valid_after_utc:%Y-%m-%dT%H:%M:%SZ}",
            "certType": 1,
        }
        print_ = one.certificate.fingerprint(hashes.SHA1()).hex(":").upper()  # noqa: S303  (as it tells it)
        return {**told, "certFingerprint": print_} if self.tells_fingerprints else told

    def _details(self, one: Kept) -> dict[str, Any]:
        pairs = (each.partition(" ") for each in one.used_by)
        return {
            "status": "IN_USE" if one.used_by else "UNUSED",
            "expired": not one.valid(self.now()),
            "resources": [{"serviceName": service, "resourceId": id_} for service, _, id_ in pairs],
        }

    def _read(self, asked: dict[str, Any]) -> Kept:
        if not _NAME.fullmatch(asked["certName"]) or asked["certType"] != 1:
            raise Denied(400, "BadRequest", "The parameters are not valid.")
        try:
            alone = kept(asked["certName"], [asked["certServerData"]], asked["certPrivateData"])
        except NoCertificate:
            raise Denied(400, "CertificateParameterInvalid", "The certificate can't be parsed.") from None
        except NoKey:
            raise Denied(400, "PrivateKeyParameterInvalid", "The private key can't be parsed.") from None
        except NoPair:
            raise Denied(400, "UnmatchedPairParameterInvalid", "The key does not match.") from None
        if not alone.valid(self.now()):
            raise Denied(400, "UnmatchedPairParameterInvalidException", "It is not valid now.")
        if alone.chain:
            raise Denied(400, "CertificateParameterInvalid", "There is more than one certificate.")
        if linked := asked.get("certLinkData", ""):
            alone.chain = kept(alone.name, [asked["certServerData"], linked], alone.key).chain
        if alone.chain and not alone.complete:
            raise Denied(400, "CertChainParameterInvalid", "The chain is not the certificate's.")
        return alone

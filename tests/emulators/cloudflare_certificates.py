"""Cloudflare's custom certificates of zones, for owners who may edit them; they are never given back.

https://developers.cloudflare.com/api/resources/custom_certificates/ and the codes of
https://developers.cloudflare.com/ssl/edge-certificates/custom-certificates/troubleshooting/
"""

import itertools
import re
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from tests.emulators.cloudflare import PREFIX, Cloudflare, Token, User, deny
from tests.emulators.proxy import Request

EDIT: Final = "Zone / SSL and Certificates / Edit"
ZONE: Final = f"{7:032x}"
_AT = re.compile(PREFIX + r"/zones/(?P<zone>[0-9a-f]{32})/custom_certificates(/(?P<id>[0-9a-f]{32}))?")


@dataclass(frozen=True, slots=True)
class Custom:
    """A certificate as it is served: `sha256` of its DER, `links` in its chain, all told."""

    sha256: str
    hosts: list[str]
    expires_on: str
    links: int
    type: str
    bundle_method: str
    key: str = field(repr=False)


class CloudflareCertificates(Cloudflare):
    """The API with one zone's certificates; owners who are in `denied` may not see or change them."""

    def __init__(self, *owners: Token | User) -> None:
        super().__init__(*owners, zones=0)
        self.kept: dict[str, Custom] = {}
        self.denied: set[str] = set()
        self.calls: list[str] = []
        self._ids = itertools.count(1)

    def taken(self) -> list[str]:
        """The permissions that calls needed since this was asked last."""
        calls, self.calls = self.calls, []
        return calls

    def put(self, asked: dict[str, Any]) -> str:
        """Add what is asked for; its id."""
        id_ = f"{next(self._ids):032x}"
        self.kept[id_] = _read(asked, asked.get("type", "legacy_custom"))
        return id_

    def served(self, request: Request) -> dict[str, Any]:
        """What the owner of this request's token or key may have; raises Denied."""
        at = _AT.fullmatch(request.path)
        if at is None:
            return super().served(request)
        owner = self.authenticated(request)
        self.calls.append(EDIT)
        if owner.id in self.denied or at["zone"] != ZONE:
            deny(403, 10000, "Authentication error")
        if at["id"] is None:
            return self._page(request) if request.method == "GET" else self._told(self.put(request.json()))
        if at["id"] not in self.kept:
            deny(404, 1400, "The requested certificate could not be found.")
        if request.method == "PATCH":
            return self._told(self._edited(at["id"], request.json()))
        if request.method == "DELETE":
            del self.kept[at["id"]]
            return {"result": {"id": at["id"]}}
        return self._told(at["id"])

    def _edited(self, id_: str, asked: dict[str, Any]) -> str:
        """One that is chosen by SNI goes on under another id."""
        old = self.kept[id_]
        new = _read(asked, old.type)
        if old.type == "legacy_custom":
            self.kept[id_] = new
            return id_
        del self.kept[id_]
        id_ = f"{next(self._ids):032x}"
        self.kept[id_] = new
        return id_

    def _page(self, request: Request) -> dict[str, Any]:
        size, page = int(request.parameters["per_page"]), int(request.parameters.get("page", "1"))
        size = min(size, 2)  # as with many certificates
        ids = list(self.kept)[(page - 1) * size : page * size]
        return {
            "result": [self._told(each)["result"] for each in ids],
            "result_info": {"page": page, "per_page": size, "count": len(ids), "total_count": len(self.kept)},
        }

    def _told(self, id_: str) -> dict[str, Any]:
        one = self.kept[id_]
        about = {"hosts": one.hosts, "expires_on": one.expires_on, "bundle_method": one.bundle_method}
        return {"result": {"id": id_, "zone_id": ZONE, "status": "active", "issuer": "middle", **about}}


def _read(asked: dict[str, Any], kind: str) -> Custom:
    try:
        links = x509.load_pem_x509_certificates(asked["certificate"].encode())
        key = load_pem_private_key(asked["private_key"].encode(), None)
    except ValueError:
        deny(400, 2200, "The certificate and private key pair you uploaded is invalid.")
    if key.public_key() != links[0].public_key():
        deny(400, 2200, "The certificate and private key pair you uploaded is invalid.")
    for lower, upper in pairwise(links):
        try:
            lower.verify_directly_issued_by(upper)
        except (ValueError, TypeError, InvalidSignature):
            deny(400, 1211, "The certificate chain you uploaded is in the wrong order.")
    names = links[0].extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return Custom(
        links[0].fingerprint(hashes.SHA256()).hex(),
        sorted(names.get_values_for_type(x509.DNSName), reverse=True),
        f"{links[0].not_valid_after_utc:%Y-%m-%dT%H:%M:%SZ}",
        len(links),
        kind,
        asked.get("bundle_method", "ubiquitous"),
        asked["private_key"],
    )

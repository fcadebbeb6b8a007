"""JD Cloud's SSL certificate service: https://docs.jdcloud.com/cn/ssl-certificate/api/overview.

Lists come in pages. What it refuses, and in which words, is assumed; a name is as in most products of JD.
"""

import hashlib
import re
from collections.abc import Iterable
from typing import Any, Final

from tests.emulators.certificate_store import Kept, NoCertificate, NoKey, NoPair, Store, kept
from tests.emulators.jdcloud import JdCloud
from tests.emulators.proxy import Request
from tests.emulators.signing import Denied, Key

HOST: Final = "ssl.jdcloud-api.com"
PAGE: Final = 20  # short, so that a few certificates make several pages
_PATH = re.compile(r"/v1/sslCert(/(?P<id>[\w-]+)|:(?P<verb>\w+))?")
_NAME = re.compile(r"[\w-]{1,32}", re.ASCII)


class JdCloudCertificates(JdCloud):
    """The account with its certificates; those that are not `updateable` keep what they have."""

    def __init__(self, keys: Iterable[Key], *, updateable: bool = True) -> None:
        super().__init__(keys)
        self.updateable = updateable
        self.store = Store(lambda number: f"cert-{number:012d}")

    def served(self, request: Request, key: Key) -> dict[str, Any]:
        """What this key may have; raises Denied."""
        at = _PATH.fullmatch(request.path)
        if request.host != HOST or at is None:
            return super().served(request, key)
        id_ = at["id"]
        action = {
            ("GET", False, None): "describeCerts",
            ("GET", True, None): "describeCert",
            ("DELETE", True, None): "deleteCerts",
            ("POST", False, "upload"): "uploadCert",
            ("POST", False, "updateCert"): "updateCert",
        }.get((request.method, id_ is not None, at["verb"]))
        if action is None:
            raise Denied(404, "NOT_FOUND", "not found")
        self.store.calls.append(f"ssl:{action}")
        if not self.iam.may(key, f"ssl:{action}"):
            raise Denied(403, "HTTP_FORBIDDEN", "the sub user has no permission for this operation")
        if action == "describeCerts":
            return self._page(request.parameters)
        if action == "uploadCert":
            asked = request.json()
            made = self._read(asked["certName"], asked)
            return {"certId": self.store.add(made), "digest": _digest(made)}
        asked = request.json() if action == "updateCert" else {"certId": id_}
        return self._done(action, asked)

    def _done(self, action: str, asked: dict[str, Any]) -> dict[str, Any]:
        """What is done to one certificate."""
        id_ = asked["certId"]
        if id_ not in self.store.kept:
            raise Denied(404, "NOT_FOUND", f"cert {id_} not found")
        held = self.store.kept[id_]
        if action == "describeCert":
            return {**self._told(id_, held), "usedBy": [_binding(each) for each in held.used_by]}
        if action == "deleteCerts":
            if held.used_by:
                raise Denied(400, "FAILED_PRECONDITION", "the certificate is used")
            del self.store.kept[id_]
            return {}
        if not self.updateable:
            raise Denied(400, "FAILED_PRECONDITION", "the certificate can't be updated")
        made = self._read(held.name, asked)
        made.used_by = held.used_by
        self.store.kept[id_] = made
        return {"certId": id_, "digest": _digest(made)}

    def _page(self, asked: dict[str, str]) -> dict[str, Any]:
        size = min(PAGE, int(asked["pageSize"]))
        begin = (int(asked["pageNumber"]) - 1) * size
        every = [
            {**self._told(id_, one), "updateable": int(self.updateable), "deletable": int(not one.used_by)}
            for id_, one in self.store.kept.items()
        ]
        return {"totalCount": len(every), "certListDetails": every[begin : begin + size]}

    def _told(self, id_: str, one: Kept) -> dict[str, Any]:
        return {
            "certId": id_,
            "certName": one.name,
            "startTime": f"{one.certificate.not_valid_before_utc:%Y-%m-%dT%H:%M:%SZ}",
            "endTime": f"{one.certificate.not_valid_after_utc:%Y-%m-%dT%H:%M:%SZ}",
            "digest": _digest(one),
        }

    def _read(self, name: str, asked: dict[str, Any]) -> Kept:
        if not _NAME.fullmatch(name):
            raise Denied(400, "INVALID_ARGUMENT", "certName is invalid")
        try:
            made = kept(name, [asked["certFile"]], asked["keyFile"])
        except (NoCertificate, NoKey):
            raise Denied(400, "INVALID_ARGUMENT", "the certificate or the key can't be parsed") from None
        except NoPair:
            raise Denied(400, "INVALID_ARGUMENT", "the key does not match") from None
        if not made.valid(self.now()):
            raise Denied(400, "INVALID_ARGUMENT", "the certificate is not valid now")
        return made


def _digest(one: Kept) -> str:
    return hashlib.sha256(one.key.encode()).hexdigest()


def _binding(user: str) -> dict[str, str]:
    product, _, id_ = user.partition(" ")
    return {"bindFrom": product, "bindId": id_}

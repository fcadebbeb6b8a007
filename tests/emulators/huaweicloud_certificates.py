"""Huawei Cloud's SSL Certificate Manager, v3: https://support.huaweicloud.com/api-ccm/ccm_02_0012.html.

Names and contents may be there twice; its codes are those of .../api-ccm/scmEn.html, its permissions those of
.../api-ccm/ccm_02_0055.html. IAM tells which account a key is of, and the service wants to hear it.
"""

import re
from collections.abc import Iterable
from typing import Any, Final

from cryptography.hazmat.primitives import hashes

from tests.emulators.certificate_store import NoCertificate, NoKey, NoPair, Store
from tests.emulators.huaweicloud import HuaweiCloud
from tests.emulators.proxy import Request
from tests.emulators.signing import Denied, Key

HOST: Final = "scm.cn-north-4.myhuaweicloud.com"
IAM: Final = "iam.cn-north-4.myhuaweicloud.com"
BASE: Final = "/v3/scm/certificates"
UPLOAD, DELETE = "scm:cert:upload", "scm:cert:delete"
LIST, SHOW, DEPLOYED = "scm:cert:list", "scm:cert:get", "scm:cert:deployed"
_NAME = re.compile(r"[A-Za-z0-9_.-]{3,63}")
_SIZES = (10, 20, 50)
_ONE = re.compile(BASE + r"/(scs\d{13})")


class HuaweiCertificates(HuaweiCloud):
    """The account with certificates; `blind` it can't look at one region."""

    def __init__(self, keys: Iterable[Key]) -> None:
        super().__init__(keys)
        self.store = Store(lambda number: f"scs{number:013d}")
        self.blind = False

    def served(self, request: Request, key: Key) -> dict[str, Any]:
        """What this key may have; raises Denied."""
        if (request.host, request.method, request.path) == (IAM, "GET", "/v3/auth/domains"):
            return {"domains": [{"id": key.account, "name": key.account, "enabled": True}]}
        if request.host != HOST:
            return super().served(request, key)
        if request.headers.get("x-domain-id") != key.account:
            raise Denied(401, "APIGW.0301", "Incorrect IAM authentication information: no such domain")
        one = _ONE.fullmatch(request.path)
        action = {
            ("POST", f"{BASE}/import"): UPLOAD,
            ("GET", BASE): LIST,
            ("POST", "/v3/scm/deployed-resources"): DEPLOYED,
            ("GET", one and request.path): SHOW,
            ("DELETE", one and request.path): DELETE,
        }.get((request.method, request.path))
        if action is None:
            raise Denied(404, "APIGW.0101", "The API does not exist or has not been published")
        self.store.calls.append(action)
        if not self.iam.may(key, action):
            raise Denied(403, "PAP5.0002", f"no policy allows the {action} action")
        if action == UPLOAD:
            return self._upload(request.json())
        if action == LIST:
            return self._list(request.parameters)
        if action == DEPLOYED:
            return self._deployed(request.json())
        assert one is not None
        if one[1] not in self.store.kept:
            raise Denied(400, "SCM.0020", "Incorrect certificate ID.")
        if action == DELETE:
            del self.store.kept[one[1]]
            return {}
        there = self.store.kept[one[1]]
        sha1 = there.certificate.fingerprint(hashes.SHA1()).hex(":")  # noqa: S303
        return {"id": one[1], "name": there.name, "status": "UPLOAD", "fingerprint": sha1.upper()}

    def _upload(self, asked: dict[str, Any]) -> dict[str, Any]:
        if not _NAME.fullmatch(asked["name"]):
            raise Denied(400, "SCM.0005", "Incorrect request parameter.")
        assert asked["duplicate_check"] is False
        try:
            pem = asked["certificate"] + (asked.get("certificate_chain") or "")
            return {"certificate_id": self.store.put(asked["name"], pem, asked["private_key"])}
        except NoCertificate:
            raise Denied(400, "SCM.0006", "The uploaded certificate failed to be resolved.") from None
        except NoKey:
            raise Denied(400, "SCM.0012", "The uploaded private key failed to be resolved.") from None
        except NoPair:
            said = "The uploaded certificate does not match the private key."
            raise Denied(400, "SCM.0014", said) from None

    def _list(self, asked: dict[str, str]) -> dict[str, Any]:
        size, offset = int(asked["limit"]), int(asked.get("offset", 0))
        if size not in _SIZES:
            raise Denied(400, "SCM.0005", "Incorrect request parameter.")
        found = [
            {"id": id_, "name": one.name, "status": "UPLOAD"}
            for id_, one in self.store.kept.items()
            if asked.get("content", "") in one.name
        ]
        return {"certificates": found[offset : offset + size], "total_count": len(found)}

    def _deployed(self, asked: dict[str, Any]) -> dict[str, Any]:
        assert asked["service_names"] == ["ALL"]
        return {"results": [self._result(id_) for id_ in asked["certificate_ids"]]}

    def _result(self, id_: str) -> dict[str, Any]:
        users = self.store.kept[id_].used_by if id_ in self.store.kept else []
        used = [{"resource_id": f"id-{name}", "resource_name": name} for name in users]
        cdn = {"region_id": "global", "is_error": False, "resources": used}
        elb = {"region_id": "cn-east-3", "is_error": self.blind, "resources": []}
        resources = [
            {"service": "cdn", "resource_num": len(used), "region_resources": [cdn]},
            {"service": "elb", "resource_num": 0, "region_resources": [elb]},
        ]
        return {"certificate_id": id_, "total_num": len(used), "deployed_resources": resources}

"""Alibaba Cloud's Certificate Management Service (CAS), 2020-04-07.

The API: https://help.aliyun.com/zh/ssl-certificate/developer-reference/api-cas-2020-04-07-overview. A name is
unique in the account, lists go by pages. Of what its refusals are called only NotFound is known for sure.
"""

import json
from collections.abc import Iterable
from typing import Any, Final

from tests.emulators.alicloud import AlibabaCloud, deny
from tests.emulators.certificate_store import Kept, NoCertificate, NoKey, NoPair, Store
from tests.emulators.proxy import Request
from tests.emulators.signing import Key

HOST: Final = "cas.aliyuncs.com"
VERSION: Final = "2020-04-07"
LONGEST_NAME, MOST_SHOWN = 63, 100
UPLOAD, DETAIL = "UploadUserCertificate", "GetUserCertificateDetail"
LIST, DELETE, RESOURCES = "ListUserCertificateOrder", "DeleteUserCertificate", "ListCloudResources"


class AlibabaCertificates(AlibabaCloud):
    """The gateway with CAS behind it."""

    def __init__(self, keys: Iterable[Key]) -> None:
        super().__init__(keys)
        self.store = Store(lambda number: str(8_000_000 + number))

    def served(self, request: Request, key: Key) -> dict[str, Any]:
        """What this key may have; raises Denied."""
        action = request.headers["x-acs-action"]
        answers = {
            UPLOAD: self._upload,
            DETAIL: self._detail,
            LIST: self._list,
            DELETE: self._delete,
            RESOURCES: self._resources,
        }
        if request.host != HOST or request.headers["x-acs-version"] != VERSION or action not in answers:
            return super().served(request, key)
        assert "Key" not in request.parameters, "an address is no place for a private key"
        self.store.calls.append(f"yundun-cert:{action}")
        if not self.ram.may(key, f"yundun-cert:{action}"):
            deny(403, "NoPermission", "You are not authorized to do this action.")
        return answers[action]({**request.parameters, **request.form})

    def _upload(self, asked: dict[str, str]) -> dict[str, Any]:
        name = asked.get("Name", "")
        if not 1 <= len(name) <= LONGEST_NAME:
            deny(400, "IllegalName", "The name is illegal.")
        if any(one.name == name for one in self.store.kept.values()):
            deny(400, "NameRepeat", "The name already exists.")
        try:
            return {"CertId": int(self.store.put(name, asked.get("Cert", ""), asked.get("Key", "")))}
        except (NoCertificate, NoKey):
            deny(400, "CertFormatError", "The certificate or the key has a wrong format.")
        except NoPair:
            deny(400, "CertKeyNotMatch", "The certificate does not match the private key.")

    def _detail(self, asked: dict[str, str]) -> dict[str, Any]:
        id_ = asked["CertId"]
        one = self._found(id_)
        told = {
            "Id": int(id_),
            "Name": one.name,
            "SerialNo": f"{one.certificate.serial_number:032x}",
            "CertIdentifier": f"{id_}-cn-hangzhou",
        }
        if asked.get("CertFilter", "false") == "true":
            return told
        return {**told, "Cert": one.pem, "Key": one.key}

    def _list(self, asked: dict[str, str]) -> dict[str, Any]:
        number, size = int(asked.get("CurrentPage", 1)), int(asked.get("ShowSize", 50))
        if size > MOST_SHOWN:
            deny(400, "InvalidParameter", "ShowSize is out of range.")
        shown = [
            {"CertificateId": int(id_), "Name": one.name, "SerialNo": f"{one.certificate.serial_number:x}"}
            for id_, one in sorted(self.store.kept.items())
            if asked.get("OrderType") in {"CERT", "UPLOAD"}
        ]
        page = shown[(number - 1) * size : number * size]
        return {"CertificateOrderList": page, "CurrentPage": number, "TotalCount": len(shown)}

    def _delete(self, asked: dict[str, str]) -> dict[str, Any]:
        self._found(asked["CertId"])
        del self.store.kept[asked["CertId"]]
        return {}

    def _resources(self, asked: dict[str, str]) -> dict[str, Any]:
        """Those of the certificate, and one that is only alike."""
        wanted = [str(each) for each in json.loads(asked["CertIds"])]
        users = [
            (id_, user) for id_ in wanted if id_ in self.store.kept for user in self.store.kept[id_].used_by
        ]
        number, size = int(asked.get("CurrentPage", 1)), int(asked.get("ShowSize", 20))
        data = [
            {"Id": at, "CertId": int(id_), "CloudProduct": "CDN", "CloudName": "aliyun", "Domain": user}
            for at, (id_, user) in enumerate([("1", "alike.test"), *users])
        ]
        return {"Data": data[(number - 1) * size : number * size], "Total": len(data), "CurrentPage": number}

    def _found(self, id_: str) -> Kept:
        if id_ not in self.store.kept:
            deny(400, "NotFound", "The certificate is not found.")
        return self.store.kept[id_]

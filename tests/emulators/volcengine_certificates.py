"""Volcano Engine's certificate centre: https://www.volcengine.com/docs/6638/1365580 and the pages beside it.

Lists come in pages. The codes of what is not there, and of what is used, are assumed.
"""

import json
from collections.abc import Iterable
from typing import Any, Final

from tests.emulators.certificate_store import NoCertificate, NoKey, NoPair, Store, kept
from tests.emulators.proxy import Request
from tests.emulators.signing import Denied, Key
from tests.emulators.volcengine import Volcengine

PAGE: Final = 20  # short, so that a few certificates make several pages
VERSION: Final = "2024-10-01"
_ACTIONS: Final = (
    "CertificateGetInstanceList",
    "CertificateGetInstance",
    "CertificateDeleteInstance",
    "ImportCertificate",
)


class VolcengineCertificates(Volcengine):
    """The account with its certificates."""

    def __init__(self, keys: Iterable[Key]) -> None:
        super().__init__(keys)
        self.store = Store(lambda number: f"cert-{number:012d}")

    def served(self, request: Request, key: Key) -> dict[str, Any]:
        """What this key may have; raises Denied."""
        action = request.parameters.get("Action", "")
        if action not in _ACTIONS or request.parameters.get("Version") != VERSION:
            return super().served(request, key)
        named = f"certificate_service:{action}"
        self.store.calls.append(named)
        if not self.iam.may(key, named):
            raise Denied(403, "AccessDenied", f"User is not authorized to perform: {named} on resource: ")
        asked = json.loads(request.body)
        if action == "CertificateGetInstanceList":
            return self._page(asked)
        if action == "ImportCertificate":
            return self._import(asked)
        id_ = asked["InstanceId"]
        if id_ not in self.store.kept:
            raise Denied(404, "NotFound.Instance", "The specified certificate instance is not found.")
        held = self.store.kept[id_]
        if action == "CertificateDeleteInstance":
            if held.used_by:
                raise Denied(400, "OperationDenied.InstanceInUse", "The certificate is in use.")
            del self.store.kept[id_]
            return {}
        detail = {
            "Chain": [held.pem],
            "FingerPrintSha256": held.sha256.upper(),
            "SerialNumber": f"{held.certificate.serial_number:X}",
            "PrivateKey": held.key,
        }
        return {"InstanceId": id_, "Tag": held.name, "CertificateDetail": detail}

    def _page(self, asked: dict[str, Any]) -> dict[str, Any]:
        ids, tag = asked.get("InstanceIds"), asked.get("Tag", "")
        every = [
            {"InstanceId": id_, "Tag": one.name, "Status": "Issued"}
            for id_, one in self.store.kept.items()
            if (ids is None or id_ in ids) and tag in one.name
        ]
        size = min(PAGE, asked["PageSize"])
        begin = (asked["PageNumber"] - 1) * size
        return {"TotalCount": len(every), "Instances": every[begin : begin + size]}

    def _import(self, asked: dict[str, Any]) -> dict[str, Any]:
        info = asked["CertificateInfo"]
        try:
            made = kept(asked.get("Tag", ""), [info["CertificateChain"]], info["PrivateKey"])
        except (NoCertificate, NoKey):
            raise Denied(400, "InvalidParameter.CertificateInfo", "It can't be parsed.") from None
        except NoPair:
            raise Denied(400, "InvalidParameter.PrivateKey", "The key does not match.") from None
        if not made.valid(self.now()) or not made.complete:
            raise Denied(400, "InvalidParameter.CertificateChain", "It is not valid, or not complete.")
        same = next((id_ for id_, one in self.store.kept.items() if one.sha256 == made.sha256), None)
        if same is not None and not asked.get("Repeatable", False):
            return {"InstanceId": "", "RepeatId": same}
        return {"InstanceId": self.store.add(made), "RepeatId": ""}

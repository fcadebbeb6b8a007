"""Tencent Cloud's SSL Certificate Service, 2019-12-05: https://cloud.tencent.com/document/api/400/41659.

Names and contents may be there twice. What uses a certificate is found by a task, which is asked for its
result; a certificate that something uses is deleted all the same. The codes are those of the SDK.
"""

import itertools
from collections.abc import Callable, Iterable
from typing import Any, Final

from tests.emulators.certificate_store import Kept, NoCertificate, NoKey, NoPair, Store
from tests.emulators.signing import Key
from tests.emulators.tencentcloud import TencentCloud
from tests.emulators.tencentcloud_products import refuse

HOST: Final = "ssl.tencentcloudapi.com"
SSL: Final = ("ssl", "2019-12-05")
MOST_SHOWN = 1000
LOOKS = 2  # until a task has found what it was made for

Action = Callable[[Key, dict[str, Any]], dict[str, Any]]


class TencentCertificates(TencentCloud):
    """The API with the service; `blind` it can't look at one kind of resource, without `role` at none."""

    def __init__(self, keys: Iterable[Key]) -> None:
        super().__init__(keys)
        self.store = Store(lambda number: f"cert{number:04d}")
        self.blind = False
        self.role = True
        self._tasks: dict[str, tuple[str, int]] = {}
        self._numbers = itertools.count(1)
        actions = {
            "UploadCertificate": self._upload,
            "DescribeCertificates": self._list,
            "DescribeCertificateDetail": self._detail,
            "DeleteCertificate": self._delete,
            "CreateCertificateBindResourceSyncTask": self._look,
            "DescribeCertificateBindResourceTaskResult": self._seen,
        }
        self.products.actions |= {(*SSL, name): self._noted(name, each) for name, each in actions.items()}

    def _noted(self, name: str, action: Action) -> Action:
        """The action, whose calls are counted by the name that CAM has for it."""

        def noted(key: Key, asked: dict[str, Any]) -> dict[str, Any]:
            self.store.calls.append(f"ssl:{name}")
            return action(key, asked)

        return noted

    def _upload(self, key: Key, asked: dict[str, Any]) -> dict[str, Any]:
        assert asked["CertificateType"] == "SVR"
        assert asked["Repeatable"] is True, "else the id of another's would be given"
        try:
            id_ = self.store.put(
                asked["Alias"], asked["CertificatePublicKey"], asked["CertificatePrivateKey"]
            )
        except NoCertificate:
            refuse("FailedOperation.CertificateParseError", "Failed to parse the certificate.")
        except NoKey:
            refuse("FailedOperation.CertificateInvalid", "The private key is invalid.")
        except NoPair:
            refuse("FailedOperation.CertificateMismatch", "The certificate and the key do not match.")
        return {"CertificateId": id_, "RepeatCertId": ""}

    def _list(self, key: Key, asked: dict[str, Any]) -> dict[str, Any]:
        word, offset = asked.get("SearchKey", ""), asked.get("Offset", 0)
        limit = min(asked.get("Limit", 10), MOST_SHOWN)
        found = [
            {"CertificateId": id_, "Alias": one.name, "From": "upload", "Status": 1}
            for id_, one in self.store.kept.items()
            if word in one.name or word in id_
        ]
        return {"TotalCount": len(found), "Certificates": found[offset : offset + limit]}

    def _detail(self, key: Key, asked: dict[str, Any]) -> dict[str, Any]:
        one = self._found(asked["CertificateId"])
        told = {"CertificatePublicKey": one.pem, "CertificatePrivateKey": one.key}
        return {"CertificateId": asked["CertificateId"], "Alias": one.name, **told}

    def _delete(self, key: Key, asked: dict[str, Any]) -> dict[str, Any]:
        self._found(asked["CertificateId"])
        del self.store.kept[asked["CertificateId"]]
        return {"DeleteResult": True, "TaskId": ""}

    def _look(self, key: Key, asked: dict[str, Any]) -> dict[str, Any]:
        if not self.role:
            refuse("FailedOperation.RoleNotFoundAuthorization", "The role is not authorized.")
        made = []
        for id_ in asked["CertificateIds"]:
            self._found(id_)
            task = f"task{next(self._numbers)}"
            self._tasks[task] = (id_, 0)
            made.append({"CertId": id_, "TaskId": task})
        return {"CertTaskIds": made}

    def _seen(self, key: Key, asked: dict[str, Any]) -> dict[str, Any]:
        results = []
        for task in asked["TaskIds"]:
            if task not in self._tasks:
                refuse("FailedOperation.CertificateSyncTaskIdInvalid", "The task does not exist.")
            id_, looks = self._tasks[task]
            self._tasks[task] = (id_, looks + 1)
            done = looks + 1 >= LOOKS
            result = {"TaskId": task, "Status": int(done), "BindResourceResult": []}
            results.append({**result, "BindResourceResult": self._uses(id_)} if done else result)
        return {"SyncTaskBindResourceResult": results}

    def _uses(self, id_: str) -> list[dict[str, Any]]:
        seen = {
            "Region": "",
            "TotalCount": len(self.store.kept[id_].used_by) if id_ in self.store.kept else 0,
            "Error": "",
        }
        error = "AuthError" if self.blind else ""
        unseen = {"Region": "ap-guangzhou", "TotalCount": 0, "Error": error}
        return [
            {"ResourceType": "cdn", "BindResourceRegionResult": [seen]},
            {"ResourceType": "clb", "BindResourceRegionResult": [unseen]},
        ]

    def _found(self, id_: str) -> Kept:
        if id_ not in self.store.kept:
            refuse("FailedOperation.CertificateNotFound", "The certificate does not exist.")
        return self.store.kept[id_]

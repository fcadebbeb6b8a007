"""What a Tencent Cloud account has: records of its domains (DNSPod), and networks (VPC).

The calls: https://cloud.tencent.com/document/api/1427/56180 and its neighbours (DNSPod 2021-03-23),
https://cloud.tencent.com/document/api/215/15774 and its neighbours (VPC 2017-03-12).
"""

import itertools
from collections.abc import Callable
from typing import Any, Final, NoReturn

from tests.emulators.signing import Denied, Key

Asked = dict[str, Any]
Answer = Callable[[Key, Asked], dict[str, Any]]

DNS: Final = ("dnspod", "2021-03-23")
VPC: Final = ("vpc", "2017-03-12")
OF_A_RECORD: Final = ("SubDomain", "RecordType", "RecordLine", "Value", "TTL")


class Products:
    """Records and networks by account and id; an account has the domains that `domains` says."""

    def __init__(self) -> None:
        self.domains: dict[str, set[str]] = {}
        self.records: dict[tuple[str, int], dict[str, Any]] = {}
        self.networks: dict[tuple[str, str], dict[str, Any]] = {}
        self._numbers = itertools.count(1)
        self.actions: dict[tuple[str, str, str], Answer] = {
            (*DNS, "CreateRecord"): self._create_record,
            (*DNS, "ModifyRecord"): self._modify_record,
            (*DNS, "DescribeRecord"): self._describe_record,
            (*DNS, "DeleteRecord"): self._delete_record,
            (*VPC, "CreateVpc"): self._create_network,
            (*VPC, "DescribeVpcs"): self._networks,
            (*VPC, "DeleteVpc"): self._delete_network,
        }

    def _create_record(self, key: Key, asked: Asked) -> dict[str, Any]:
        if asked["Domain"] not in self.domains.get(key.account, ()):
            refuse("ResourceNotFound.NoDataOfDomain", "The domain does not exist.")
        id_ = next(self._numbers)
        made: Asked = {name: asked[name] for name in OF_A_RECORD if name in asked}
        self.records[key.account, id_] = {
            "TTL": 600,
            "SubDomain": "@",
            **made,
            "Id": id_,
            "Domain": asked["Domain"],
        }
        return {"RecordId": id_}

    def _modify_record(self, key: Key, asked: Asked) -> dict[str, Any]:
        self._record(key, asked).update({name: asked[name] for name in OF_A_RECORD if name in asked})
        return {"RecordId": asked["RecordId"]}

    def _describe_record(self, key: Key, asked: Asked) -> dict[str, Any]:
        return {"RecordInfo": self._record(key, asked)}

    def _delete_record(self, key: Key, asked: Asked) -> dict[str, Any]:
        self._record(key, asked)
        del self.records[key.account, asked["RecordId"]]
        return {}

    def _record(self, key: Key, asked: Asked) -> dict[str, Any]:
        found = self.records.get((key.account, asked["RecordId"]))
        if found is None:
            refuse("ResourceNotFound.NoDataOfRecord", "The record does not exist.")
        return found

    def _create_network(self, key: Key, asked: Asked) -> dict[str, Any]:
        id_ = f"vpc-{next(self._numbers):08x}"
        made = {
            "VpcId": id_,
            "VpcName": asked["VpcName"],
            "CidrBlock": asked["CidrBlock"],
            "IsDefault": False,
        }
        self.networks[key.account, id_] = made
        return {"Vpc": made}

    def _networks(self, key: Key, asked: Asked) -> dict[str, Any]:
        wanted = asked.get("VpcIds")
        found = [
            one
            for (account, id_), one in self.networks.items()
            if account == key.account and (wanted is None or id_ in wanted)
        ]
        return {"TotalCount": len(found), "VpcSet": found}

    def _delete_network(self, key: Key, asked: Asked) -> dict[str, Any]:
        if self.networks.pop((key.account, asked["VpcId"]), None) is None:
            refuse("ResourceNotFound", "The VPC does not exist.")
        return {}


def refuse(code: str, why: str) -> NoReturn:
    """Refuse as the products do, with HTTP 200."""
    raise Denied(200, code, why)

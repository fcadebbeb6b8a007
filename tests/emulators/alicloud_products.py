"""What an Alibaba Cloud account has: records of its domains (Alidns), and networks (VPC).

The calls: https://www.alibabacloud.com/help/en/dns/api-alidns-2015-01-09-adddomainrecord and its neighbours,
https://www.alibabacloud.com/help/en/vpc/developer-reference/api-vpc-2016-04-28-createvpc and its neighbours.
"""

import itertools
from collections.abc import Callable, Mapping
from typing import Any, Final, NoReturn

from tests.emulators.signing import Denied

Asked = Mapping[str, str]
Answer = Callable[[str, Asked], dict[str, Any]]

DNS: Final = ("alidns", "2015-01-09")
VPC: Final = ("vpc", "2016-04-28")
OF_A_RECORD: Final = ("RR", "Type", "Value", "TTL")


class Products:
    """Records and networks by account and id; an account has the domains that `domains` says."""

    def __init__(self) -> None:
        self.domains: dict[str, set[str]] = {}
        self.records: dict[tuple[str, str], dict[str, Any]] = {}
        self.networks: dict[tuple[str, str], dict[str, Any]] = {}
        self._numbers = itertools.count(1)
        self.actions: dict[tuple[str, str, str], Answer] = {
            (*DNS, "AddDomainRecord"): self._add_record,
            (*DNS, "UpdateDomainRecord"): self._update_record,
            (*DNS, "DescribeDomainRecordInfo"): self._record,
            (*DNS, "DeleteDomainRecord"): self._delete_record,
            (*VPC, "CreateVpc"): self._create_network,
            (*VPC, "DescribeVpcAttribute"): self._network,
            (*VPC, "DeleteVpc"): self._delete_network,
        }

    def _add_record(self, account: str, asked: Asked) -> dict[str, Any]:
        if asked["DomainName"] not in self.domains.get(account, ()):
            refuse(404, "InvalidDomainName.NoExist", "The specified domain name does not exist.")
        made = {name: asked[name] for name in OF_A_RECORD if name in asked} | {
            "DomainName": asked["DomainName"]
        }
        if any(
            made == {k: v for k, v in one.items() if k in made}
            for (whose, _), one in self.records.items()
            if whose == account
        ):
            refuse(400, "DomainRecordDuplicate", "The DNS record already exists.")
        id_ = str(next(self._numbers))
        self.records[account, id_] = {
            "TTL": "600",
            **made,
            "RecordId": id_,
            "Line": "default",
            "Status": "ENABLE",
        }
        return {"RecordId": id_}

    def _update_record(self, account: str, asked: Asked) -> dict[str, Any]:
        record = self._record(account, asked)
        record.update({name: asked[name] for name in OF_A_RECORD if name in asked})
        return {"RecordId": asked["RecordId"]}

    def _record(self, account: str, asked: Asked) -> dict[str, Any]:
        found = self.records.get((account, asked["RecordId"]))
        if found is None:
            refuse(400, "DomainRecordNotBelongToUser", "The domain record does not belong to the user.")
        return found

    def _delete_record(self, account: str, asked: Asked) -> dict[str, Any]:
        self._record(account, asked)
        del self.records[account, asked["RecordId"]]
        return {"RecordId": asked["RecordId"]}

    def _create_network(self, account: str, asked: Asked) -> dict[str, Any]:
        id_ = f"vpc-{next(self._numbers):08d}"
        made = {
            "VpcId": id_,
            "RegionId": asked["RegionId"],
            "CidrBlock": asked.get("CidrBlock", "172.16.0.0/12"),
        }
        self.networks[account, id_] = {**made, "VpcName": asked.get("VpcName", ""), "Status": "Available"}
        return {"VpcId": id_}

    def _network(self, account: str, asked: Asked) -> dict[str, Any]:
        found = self.networks.get((account, asked["VpcId"]))
        if found is None:
            refuse(404, "InvalidVpcId.NotFound", "Specified VPC does not exist.")
        return found

    def _delete_network(self, account: str, asked: Asked) -> dict[str, Any]:
        self._network(account, asked)
        del self.networks[account, asked["VpcId"]]
        return {}


def refuse(status: int, code: str, why: str) -> NoReturn:
    """Refuse as the products do."""
    raise Denied(status, code, why)

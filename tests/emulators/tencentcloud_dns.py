"""DNSPod as its clients need it: domains and records that can be listed.

https://cloud.tencent.com/document/api/1427/56172 (DescribeDomainList) and .../56166 (DescribeRecordList);
where there is nothing to list, both say so with an error.
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, Final

from tests.emulators.alicloud_dns import in_dns
from tests.emulators.signing import Key
from tests.emulators.tencentcloud import TencentCloud
from tests.emulators.tencentcloud_products import DNS, Asked, refuse

HOST: Final = "dnspod.tencentcloudapi.com"
LEAST_TTL: Final = 600  # of the free plan


class Dnspod(TencentCloud):
    """API 3.0 with DNSPod behind it, for accounts of the free plan."""

    def __init__(
        self,
        keys: Iterable[Key],
        now: Callable[[], datetime] | None = None,
        *,
        named: Iterable[str] = (),
    ) -> None:
        """The domains that are `named` are those of the first key's account."""
        super().__init__(keys, now)
        self.products.domains[next(iter(self.keys.values())).account] = set(named)
        self._create = self.products.actions[*DNS, "CreateRecord"]
        self.products.actions |= {
            (*DNS, "DescribeDomainList"): self._domains,
            (*DNS, "DescribeRecordList"): self._records,
            (*DNS, "CreateRecord"): self._created,
        }

    def put(self, domain: str, host: str, text: str) -> None:
        """Let somebody else with a key of the first account have a TXT record there."""
        made = {"Domain": domain, "SubDomain": host, "RecordType": "TXT", "Value": text, "TTL": LEAST_TTL}
        self._create(next(iter(self.keys.values())), made)

    def txt(self) -> dict[str, list[str]]:
        """The values that the name servers have."""
        found: dict[str, list[str]] = {}
        for one in self.products.records.values():
            if one["RecordType"] == "TXT":
                found.setdefault(f"{one['SubDomain']}.{in_dns(one['Domain'])}", []).append(one["Value"])
        return found

    def taken(self) -> list[str]:
        """The actions that were called since this was asked last, as CAM names them."""
        calls, self.calls = self.calls, []
        return [f"dnspod:{action}" for _, action in calls]

    def _domains(self, key: Key, asked: Asked) -> dict[str, Any]:
        every = sorted(self.products.domains.get(key.account, ()))
        first, size = asked.get("Offset", 0), asked.get("Limit", 20)
        page = [
            {"DomainId": number, "Name": name, "Punycode": in_dns(name), "Status": "ENABLE"}
            for number, name in enumerate(every, 1)
        ][first : first + size]
        if not page:
            refuse("ResourceNotFound.NoDataOfDomain", "There is no domain.")
        return {"DomainCountInfo": {"AllTotal": len(every), "DomainTotal": len(every)}, "DomainList": page}

    def _records(self, key: Key, asked: Asked) -> dict[str, Any]:
        found = [
            {"RecordId": one["Id"], "Name": one["SubDomain"], "Type": one["RecordType"], **one}
            for (account, _), one in self.products.records.items()
            if (account, one["Domain"], one["SubDomain"])
            == (key.account, asked["Domain"], asked["Subdomain"])
            and one["RecordType"] == asked["RecordType"]
        ]
        if not found:
            refuse("ResourceNotFound.NoDataOfRecord", "There is no record.")
        first, size = asked.get("Offset", 0), asked.get("Limit", 100)
        return {"RecordCountInfo": {"TotalCount": len(found)}, "RecordList": found[first : first + size]}

    def _created(self, key: Key, asked: Asked) -> dict[str, Any]:
        if asked["TTL"] < LEAST_TTL:
            refuse("LimitExceeded.RecordTtlLimit", f"The TTL is too small; it may be {LEAST_TTL} at least.")
        twin = {"Domain": asked["Domain"], "SubDomain": asked["SubDomain"], "Value": asked["Value"]}
        if any(twin.items() <= one.items() for one in self.products.records.values()):
            refuse("InvalidParameter.DomainRecordExist", "The record is there already.")
        return self._create(key, asked)

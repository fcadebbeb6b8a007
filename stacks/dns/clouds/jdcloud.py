"""JD Cloud DNS (domainservice): https://docs.jdcloud.com/en/jd-cloud-dns/api/overview, signed JDCLOUD3.

The signature: https://docs.jdcloud.com/en/common-declaration/api/signature-of-request. Its Go client, which
lego uses, takes every refusal for a success.
"""

import base64
import uuid
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar

from stacks.dns.clouds.account import Api, Refusal, host_in
from stacks.dns.clouds.answers import MOST_PAGES, entries, identifier, inner, number
from stacks.dns.clouds.calls import Calling
from stacks.dns.clouds.signing import Call, Keys, Sign, mac, sha256, summary
from stacks.dns.publisher import Record

HOST = "domainservice.jdcloud-api.com"
USUAL_TTL = 120
ALGORITHM = "JDCLOUD3"
USUAL_REGION = "cn-north-1"  # the zones are those of all regions, but a path has one
EVERY_LINE = -1  # the view that every resolver is in
PAGE_SIZE = 99  # the most that it takes


class JdCloud:
    """An Account."""

    label: ClassVar[str] = "JD Cloud"

    def __init__(self, calling: Calling, *, region: str = "", ttl: int | None = None) -> None:
        """`ttl` of the records in seconds."""
        self._region = region or USUAL_REGION
        self._api = Api(self.label, HOST, calling, signed(calling.keys, self._region))
        self._domains = f"/v2/regions/{self._region}/domain"
        self._ttl = ttl or USUAL_TTL

    def zone(self, name: str) -> str | None:
        """The id of the domain of this name."""
        action = "domainservice:describeDomains"
        for one in self._listed(action, self._domains, {"domainName": name}):
            if one.get("domainName") == name:
                return identifier(one, "id")
        return None

    def add(self, zone: str, zone_name: str, record: Record) -> None:
        """Add one record of this value."""
        host = host_in(zone_name, record.name)
        if any(self._records(zone, host, record.value)):
            return
        asked = {"hostRecord": host, "hostValue": record.value, "type": "TXT"}
        content = {
            "regionId": self._region,
            "domainId": zone,
            "req": {**asked, "ttl": self._ttl, "viewValue": EVERY_LINE},
        }
        path = f"{self._domains}/{zone}/ResourceRecord"
        self._api.ask("domainservice:createResourceRecord", "POST", path, content=content)

    def remove(self, zone: str, zone_name: str, record: Record) -> None:
        """Delete each record of this value at the name."""
        action = "domainservice:deleteResourceRecord"
        for one in list(self._records(zone, host_in(zone_name, record.name), record.value)):
            try:
                self._api.ask(action, "DELETE", f"{self._domains}/{zone}/ResourceRecord/{one}")
            except Refusal as refusal:
                if refusal.status != 404:  # somebody else was faster
                    raise

    def stop(self) -> None:
        """Ask nothing more."""
        self._api.stop()

    def close(self) -> None:
        """Give the connections back."""
        self._api.close()

    def _records(self, zone: str, host: str, value: str) -> Iterator[str]:
        """The ids of those with this value."""
        path = f"{self._domains}/{zone}/ResourceRecord"
        for one in self._listed("domainservice:describeResourceRecord", path, {"search": host}):
            if (one.get("hostRecord"), one.get("type"), one.get("hostValue")) == (host, "TXT", value):
                yield identifier(one, "id")

    def _listed(self, action: str, path: str, query: Mapping[str, str]) -> Iterator[Mapping[str, Any]]:
        for page in range(1, MOST_PAGES + 1):
            asked = {**query, "pageNumber": str(page), "pageSize": str(PAGE_SIZE)}
            result = inner(self._api.ask(action, "GET", path, asked), "result")
            yield from entries(result, "dataList")
            if page >= number(result, "totalPage", 1):
                return


def signed(keys: Keys, region: str) -> Sign:
    """Signs with these keys for this region, by the clock of this machine."""

    def sign(call: Call) -> Mapping[str, str]:
        at = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
        headers = {
            "content-type": "application/json",
            "host": call.host,
            "x-jdcloud-content-sha256": sha256(call.body),
            "x-jdcloud-date": at,
            "x-jdcloud-nonce": str(uuid.uuid4()),
        }
        if keys.token:
            headers["x-jdcloud-security-token"] = base64.b64encode(keys.token.encode()).decode()
        names, hashed = summary(call, headers)
        scope = f"{at[:8]}/{region}/domainservice/{ALGORITHM.lower()}_request"
        text = f"{ALGORITHM}-HMAC-SHA256\n{at}\n{scope}\n{hashed}"
        signature = mac(mac(f"{ALGORITHM}{keys.secret}".encode(), *scope.split("/")), text).hex()
        said = f"Credential={keys.id}/{scope}, SignedHeaders={names}, Signature={signature}"
        return {**headers, "authorization": f"{ALGORITHM}-HMAC-SHA256 {said}"}

    return sign

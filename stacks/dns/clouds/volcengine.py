"""Volcano Engine's DNS: https://www.volcengine.com/docs/6758/155086, signed HMAC-SHA256.

The signature: https://www.volcengine.com/docs/6369/67269. lego's client knows no session token, no proxy that
is not in a variable of its own, and withdraws only what the same process published.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar

from stacks.dns.clouds.account import Api, Refusal, host_in
from stacks.dns.clouds.answers import MOST_PAGES, OddAnswer, entries, identifier, inner, number
from stacks.dns.clouds.calls import Calling
from stacks.dns.clouds.signing import Call, Keys, Sign, mac, sha256, summary
from stacks.dns.publisher import Record

HOST = "open.volcengineapi.com"
VERSION = "2018-08-01"
ALGORITHM = "HMAC-SHA256"
USUAL_TTL = 600  # the least that an account without a paid edition has
USUAL_REGION = "cn-beijing"  # the zones are those of all regions, but a signature has one
PAGE_SIZE = 100


class Volcengine:
    """An Account."""

    label: ClassVar[str] = "Volcano Engine"

    def __init__(self, calling: Calling, *, region: str = "", ttl: int | None = None) -> None:
        """`ttl` of the records in seconds."""
        self._api = Api(self.label, HOST, calling, signed(calling.keys, region or USUAL_REGION))
        self._ttl = ttl or USUAL_TTL

    def zone(self, name: str) -> str | None:
        """The id of the zone of this name."""
        found = entries(self._asked("ListZones", {"Key": name, "SearchMode": "exact"}), "Zones")
        for one in found:
            if one.get("ZoneName") == name:
                if not (id_ := number(one, "ZID", 0)):
                    raise OddAnswer("ZID")
                return str(id_)
        return None

    def add(self, zone: str, zone_name: str, record: Record) -> None:
        """Add one record of this value."""
        host = host_in(zone_name, record.name)
        if any(self._records(zone, host, record.value)):
            return
        content = {"ZID": int(zone), "Host": host, "Type": "TXT", "Value": record.value, "TTL": self._ttl}
        self._asked("CreateRecord", content=content)

    def remove(self, zone: str, zone_name: str, record: Record) -> None:
        """Delete each record of this value at the name."""
        for one in list(self._records(zone, host_in(zone_name, record.name), record.value)):
            try:
                self._asked("DeleteRecord", content={"RecordID": one})
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
        seen = 0
        for page in range(1, MOST_PAGES + 1):
            query = {"ZID": zone, "Host": host, "Type": "TXT", "SearchMode": "exact"}
            about = {**query, "PageNumber": str(page), "PageSize": str(PAGE_SIZE)}
            answer = self._asked("ListRecords", about)
            records = list(entries(answer, "Records"))
            for one in records:
                if (one.get("Host"), one.get("Type"), one.get("Value")) == (host, "TXT", value):
                    yield identifier(one, "RecordID")
            seen += len(records)
            if not records or seen >= number(answer, "TotalCount", 0):
                return

    def _asked(
        self, name: str, query: Mapping[str, str] | None = None, content: Mapping[str, Any] | None = None
    ) -> Mapping[str, Any]:
        method = "GET" if content is None else "POST"
        about = {"Action": name, "Version": VERSION, **(query or {})}
        return inner(self._api.ask(f"dns:{name}", method, "/", about, content), "Result")


def signed(keys: Keys, region: str) -> Sign:
    """Signs with these keys for this region, by the clock of this machine."""

    def sign(call: Call) -> Mapping[str, str]:
        at = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
        headers = {
            "content-type": "application/json",
            "host": call.host,
            "x-content-sha256": sha256(call.body),
            "x-date": at,
        }
        if keys.token:
            headers["x-security-token"] = keys.token
        names, hashed = summary(call, headers)
        scope = f"{at[:8]}/{region}/dns/request"
        text = f"{ALGORITHM}\n{at}\n{scope}\n{hashed}"
        signature = mac(mac(keys.secret.encode(), *scope.split("/")), text).hex()
        said = f"Credential={keys.id}/{scope}, SignedHeaders={names}, Signature={signature}"
        return {**headers, "authorization": f"{ALGORITHM} {said}"}

    return sign

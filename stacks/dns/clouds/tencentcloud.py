"""Tencent Cloud's DNS (DNSPod): https://cloud.tencent.com/document/api/1427/56193, signed TC3-HMAC-SHA256.

The signature: https://cloud.tencent.com/document/api/1427/56189. Refusals come with HTTP 200, and to have
nothing to list is one. lego's client deletes every value at the name on withdrawal, whoever put it there.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar

from stacks.dns.clouds.account import Api, Refusal, host_in
from stacks.dns.clouds.answers import MOST_PAGES, OddAnswer, entries, inner, needed, number, text
from stacks.dns.clouds.calls import Calling
from stacks.dns.clouds.signing import Call, Keys, Sign, mac, summary
from stacks.dns.publisher import Record

HOST = "dnspod.tencentcloudapi.com"
VERSION = "2021-03-23"
ALGORITHM = "TC3-HMAC-SHA256"
USUAL_TTL = 600  # the least of the free plan
EVERY_LINE = "默认"  # the line that every resolver is on: this is its name in all regions
PAGE_SIZE = 1000
EXISTS = "InvalidParameter.DomainRecordExist"
NONE = frozenset({"ResourceNotFound.NoDataOfDomain", "ResourceNotFound.NoDataOfRecord"})
GONE = frozenset({"ResourceNotFound.NoDataOfRecord", "InvalidParameter.RecordIdInvalid"})


class TencentCloud:
    """An Account; the id of a zone is its name in the account, which may be in another script."""

    label: ClassVar[str] = "Tencent Cloud"

    def __init__(self, calling: Calling, *, ttl: int | None = None) -> None:
        """`ttl` of the records in seconds."""
        self._api = Api(self.label, HOST, calling, signed(calling.keys), refusal_in)
        self._ttl = ttl or USUAL_TTL
        self._domains: dict[str, str] = {}  # names in the account, by what they are in DNS

    def zone(self, name: str) -> str | None:
        """The name in the account of the domain that has this name in DNS."""
        if not self._domains:
            self._domains = {
                dns_name: needed(one, "Name")
                for one in self._listed("DescribeDomainList", "Domain", {})
                for dns_name in (needed(one, "Name"), text(one, "Punycode", "Name"))
            }
        return self._domains.get(name)

    def add(self, zone: str, zone_name: str, record: Record) -> None:
        """Add one record of this value."""
        at = {"Domain": zone, "SubDomain": host_in(zone_name, record.name), "RecordType": "TXT"}
        made = {**at, "RecordLine": EVERY_LINE, "Value": record.value, "TTL": self._ttl}
        try:
            self._asked("CreateRecord", made)
        except Refusal as refusal:
            if refusal.code != EXISTS:
                raise

    def remove(self, zone: str, zone_name: str, record: Record) -> None:
        """Delete each record of this value at the name."""
        host = host_in(zone_name, record.name)
        asked = {"Domain": zone, "Subdomain": host, "RecordType": "TXT"}
        for one in list(self._listed("DescribeRecordList", "Record", asked)):
            if (one.get("Name"), one.get("Type"), one.get("Value")) == (host, "TXT", record.value):
                self._delete(zone, one)

    def stop(self) -> None:
        """Ask nothing more."""
        self._api.stop()

    def close(self) -> None:
        """Give the connections back."""
        self._api.close()

    def _delete(self, zone: str, one: Mapping[str, Any]) -> None:
        if not (record_id := number(one, "RecordId", 0)):
            raise OddAnswer("RecordId")
        try:
            self._asked("DeleteRecord", {"Domain": zone, "RecordId": record_id})
        except Refusal as refusal:
            if refusal.code not in GONE:  # somebody else was faster
                raise

    def _listed(self, action: str, what: str, asked: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        seen = 0
        for _ in range(MOST_PAGES):
            try:
                answer = self._asked(action, {**asked, "Offset": seen, "Limit": PAGE_SIZE})
            except Refusal as refusal:
                if refusal.code in NONE:
                    return
                raise
            page, counted = list(entries(answer, f"{what}List")), inner(answer, f"{what}CountInfo")
            yield from page
            seen += len(page)
            if not page or seen >= (number(counted, "TotalCount", 0) or number(counted, "AllTotal", 0)):
                return

    def _asked(self, action: str, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        return inner(self._api.ask(f"dnspod:{action}", "POST", "/", content=asked), "Response")


def refusal_in(content: Mapping[str, Any]) -> tuple[int, str, str] | None:
    """The refusal that an answer holds, with the status that it would have elsewhere."""
    error = inner(inner(content, "Response"), "Error")
    if not error:
        return None
    code = text(error, "Code")
    return 500 if code.startswith("InternalError") else 400, code, text(error, "Message")


def signed(keys: Keys) -> Sign:
    """Signs with these keys, by the clock of this machine."""

    def sign(call: Call) -> Mapping[str, str]:
        now = datetime.now(UTC)
        stamp = str(int(now.timestamp()))
        must = {"content-type": "application/json", "host": call.host}
        names, hashed = summary(call, must)
        scope = f"{now:%Y-%m-%d}/dnspod/tc3_request"
        text = f"{ALGORITHM}\n{stamp}\n{scope}\n{hashed}"
        signature = mac(f"TC3{keys.secret}".encode(), *scope.split("/"), text).hex()
        said = f"Credential={keys.id}/{scope}, SignedHeaders={names}, Signature={signature}"
        headers = {
            **must,
            "x-tc-action": call.action.partition(":")[2],
            "x-tc-timestamp": stamp,
            "x-tc-version": VERSION,
            "authorization": f"{ALGORITHM} {said}",
        }
        return {**headers, "x-tc-token": keys.token} if keys.token else headers

    return sign

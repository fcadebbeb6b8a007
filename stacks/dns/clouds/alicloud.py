"""Alibaba Cloud's DNS: https://www.alibabacloud.com/help/en/dns/api-alidns-2015-01-09-overview.

Signed ACS3-HMAC-SHA256: https://www.alibabacloud.com/help/en/sdk/product-overview/v3-request-structure-and-signature.
lego's client deletes every value at the name on withdrawal, whoever put it there.
"""

import uuid
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar

from stacks.dns.clouds.account import Api, Refusal, host_in
from stacks.dns.clouds.answers import MOST_PAGES, entries, identifier, inner, needed, number, text
from stacks.dns.clouds.calls import Calling
from stacks.dns.clouds.signing import Call, Keys, Sign, mac, sha256, summary
from stacks.dns.publisher import Record

HOST = "alidns.aliyuncs.com"
VERSION = "2015-01-09"
ALGORITHM = "ACS3-HMAC-SHA256"
USUAL_TTL = 600  # the least that an account without a paid edition has
MOST_DOMAINS, MOST_RECORDS = 100, 500  # on one page
EXISTS = "DomainRecordDuplicate"
GONE = "DomainRecordNotBelongToUser"


class AlibabaCloud:
    """An Account; the id of a zone is its name in the account, which may be in another script."""

    label: ClassVar[str] = "Alibaba Cloud"

    def __init__(self, calling: Calling, *, ttl: int | None = None) -> None:
        """`ttl` of the records in seconds."""
        self._api = Api(self.label, HOST, calling, signed(calling.keys))
        self._ttl = ttl or USUAL_TTL
        self._domains: dict[str, str] = {}  # names in the account, by what they are in DNS

    def zone(self, name: str) -> str | None:
        """The name in the account of the domain that has this name in DNS."""
        if not self._domains:
            self._domains = {
                dns_name: needed(one, "DomainName")
                for one in self._listed("DescribeDomains", "Domains", "Domain", MOST_DOMAINS, {})
                for dns_name in (needed(one, "DomainName"), text(one, "PunyCode", "DomainName"))
            }
        return self._domains.get(name)

    def add(self, zone: str, zone_name: str, record: Record) -> None:
        """Add one record of this value."""
        host = host_in(zone_name, record.name)
        made = {"DomainName": zone, "RR": host, "Type": "TXT", "Value": record.value, "TTL": str(self._ttl)}
        self._unless(EXISTS, "AddDomainRecord", made)

    def remove(self, zone: str, zone_name: str, record: Record) -> None:
        """Delete each record of this value at the name."""
        host = host_in(zone_name, record.name)
        for one in list(self._records(zone, host, record.value)):
            self._unless(GONE, "DeleteDomainRecord", {"RecordId": identifier(one, "RecordId")})

    def stop(self) -> None:
        """Ask nothing more."""
        self._api.stop()

    def close(self) -> None:
        """Give the connections back."""
        self._api.close()

    def _records(self, zone: str, host: str, value: str) -> Iterator[Mapping[str, Any]]:
        """What the keywords find is only like them."""
        asked = {"DomainName": zone, "RRKeyWord": host, "TypeKeyWord": "TXT"}
        for one in self._listed("DescribeDomainRecords", "DomainRecords", "Record", MOST_RECORDS, asked):
            if (one.get("RR"), one.get("Type"), one.get("Value")) == (host, "TXT", value):
                yield one

    def _listed(
        self, action: str, many: str, one: str, most: int, asked: Mapping[str, str]
    ) -> Iterator[Mapping[str, Any]]:
        seen = 0
        for page in range(1, MOST_PAGES + 1):
            answer = self._asked(action, {**asked, "PageNumber": str(page), "PageSize": str(most)})
            found = list(entries(inner(answer, many), one))
            yield from found
            seen += len(found)
            if not found or seen >= number(answer, "TotalCount", 0):
                return

    def _unless(self, code: str, action: str, asked: Mapping[str, str]) -> None:
        """Ask; a refusal with this code means that it is so already."""
        try:
            self._asked(action, asked)
        except Refusal as refusal:
            if refusal.code != code:
                raise

    def _asked(self, action: str, asked: Mapping[str, str]) -> Mapping[str, Any]:
        return self._api.ask(f"alidns:{action}", "POST", "/", asked)


def signed(keys: Keys) -> Sign:
    """Signs with these keys, by the clock of this machine."""

    def sign(call: Call) -> Mapping[str, str]:
        headers = {
            "host": call.host,
            "x-acs-action": call.action.partition(":")[2],
            "x-acs-content-sha256": sha256(call.body),
            "x-acs-date": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
            "x-acs-signature-nonce": uuid.uuid4().hex,
            "x-acs-version": VERSION,
        }
        if keys.token:
            headers["x-acs-security-token"] = keys.token
        names, canonical = summary(call, headers)
        signature = mac(keys.secret.encode(), f"{ALGORITHM}\n{canonical}").hex()
        said = f"Credential={keys.id},SignedHeaders={names},Signature={signature}"
        return {**headers, "authorization": f"{ALGORITHM} {said}"}

    return sign

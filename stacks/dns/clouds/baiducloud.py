"""Baidu AI Cloud's public DNS: https://cloud.baidu.com/doc/DNS/s/El4s7lssr, signed bce-auth-v1.

The signature: https://cloud.baidu.com/doc/Reference/s/njwvz1yfu. It covers no body, so what is published
must not go in the clear, as it does through Baidu's own Go client, whose DNS endpoint is http://.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar

from stacks.dns.clouds.account import Api, Refusal, host_in
from stacks.dns.clouds.answers import MOST_PAGES, entries, identifier, text
from stacks.dns.clouds.calls import Calling
from stacks.dns.clouds.signing import Call, Keys, Sign, encoded, mac
from stacks.dns.publisher import Record

HOST = "dns.baidubce.com"
USUAL_TTL = 300  # the least that an account without a paid edition has
VALID_SECONDS = 1800
READ, OPERATE = "bce:dns READ", "bce:dns OPERATE"  # as its policies grant them, not call by call


class BaiduCloud:
    """An Account; its zones are those of all regions."""

    label: ClassVar[str] = "Baidu Cloud"

    def __init__(self, calling: Calling, *, ttl: int | None = None) -> None:
        """`ttl` of the records in seconds."""
        self._api = Api(self.label, HOST, calling, signed(calling.keys))
        self._ttl = ttl or USUAL_TTL

    def zone(self, name: str) -> str | None:
        """The zone's name, by which it is addressed."""
        for page in self._pages("/v1/dns/zone", {"name": name}):
            if any(one.get("name") == name for one in entries(page, "zones")):
                return name
        return None

    def add(self, zone: str, zone_name: str, record: Record) -> None:
        """Add one record of this value."""
        if any(self._records(zone, record)):
            return
        content = {
            "rr": host_in(zone_name, record.name),
            "type": "TXT",
            "value": record.value,
            "ttl": self._ttl,
            "description": "ACME challenge",
        }
        self._api.ask(OPERATE, "POST", f"/v1/dns/zone/{zone}/record", content=content)

    def remove(self, zone: str, zone_name: str, record: Record) -> None:
        """Delete each record of this value at the name."""
        for one in list(self._records(zone, record)):
            try:
                self._api.ask(OPERATE, "DELETE", f"/v1/dns/zone/{zone}/record/{one}")
            except Refusal as refusal:
                if refusal.status != 404:  # somebody else was faster
                    raise

    def stop(self) -> None:
        """Ask nothing more."""
        self._api.stop()

    def close(self) -> None:
        """Give the connections back."""
        self._api.close()

    def _records(self, zone: str, record: Record) -> Iterator[str]:
        """The ids of those with this value."""
        host = host_in(zone, record.name)
        for page in self._pages(f"/v1/dns/zone/{zone}/record", {"rr": host}):
            for one in entries(page, "records"):
                if (one.get("rr"), one.get("type"), one.get("value")) == (host, "TXT", record.value):
                    yield identifier(one, "id")

    def _pages(self, path: str, query: Mapping[str, str]) -> Iterator[Mapping[str, Any]]:
        marker: dict[str, str] = {}
        for _ in range(MOST_PAGES):
            page = self._api.ask(READ, "GET", path, {**query, **marker, "maxKeys": "1000"})
            yield page
            following = {"marker": text(page, "nextMarker")}
            if not page.get("isTruncated") or following == marker:
                return
            marker = following


def signed(keys: Keys) -> Sign:
    """Signs with these keys, by the clock of this machine."""

    def sign(call: Call) -> Mapping[str, str]:
        at = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
        headers = {"host": call.host, "x-bce-date": at}
        if call.body:
            headers |= {"content-type": "application/json", "content-length": str(len(call.body))}
        if keys.token:
            headers["x-bce-security-token"] = keys.token
        canonical = "\n".join(
            (
                call.method,
                encoded(call.path, safe="/"),
                call.canonical_query,
                "\n".join(f"{name}:{encoded(value)}" for name, value in sorted(headers.items())),
            )
        )
        prefix = f"bce-auth-v1/{keys.id}/{at}/{VALID_SECONDS}"
        signature = mac(mac(keys.secret.encode(), prefix).hex().encode(), canonical).hex()
        return {**headers, "authorization": f"{prefix}/{';'.join(sorted(headers))}/{signature}"}

    return sign

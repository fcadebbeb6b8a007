"""Huawei Cloud's public DNS: https://support.huaweicloud.com/intl/en-us/api-dns/, signed SDK-HMAC-SHA256.

The signature: "AK/SK signature authentication" of its API gateway. All values of a name are one record set,
which is replaced as a whole, and nothing tells the cloud what was read before: whoever writes at the same
moment can undo this. No other tic of the same vault does (`alone`); for all others what was written is looked
at again once the set has settled, and written again where it is gone. lego's client deletes the whole set on
withdrawal, with every value that others have there.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar

from stacks.dns.clouds.account import Alone, Api, Refusal
from stacks.dns.clouds.answers import OddAnswer, entries, identifier, text
from stacks.dns.clouds.calls import Calling
from stacks.dns.clouds.signing import Call, Keys, Sign, encoded, mac, summary
from stacks.dns.publisher import ProviderFailed, Record

HOST = "dns.myhuaweicloud.com"
USUAL_TTL = 300
ALGORITHM = "SDK-HMAC-SHA256"
MOST_ROUNDS = 6
MOST_LOOKS = 20
LOOK_SECONDS = 0.5
SETTLING = "PENDING_"  # PENDING_CREATE, PENDING_UPDATE, PENDING_DELETE; then ACTIVE
EXISTS = "DNS.0312"  # the set was made by somebody else meanwhile
MEANWHILE = frozenset({404, 409})  # the set went away, or is being changed


class HuaweiCloud:
    """An Account; its public zones are those of all regions."""

    label: ClassVar[str] = "Huawei Cloud"

    def __init__(
        self,
        calling: Calling,
        *,
        alone: Alone,
        ttl: int | None = None,
        pause: Callable[[float], None] | None = None,
    ) -> None:
        """`ttl` (seconds) is that of sets which this makes; `pause` waits that many seconds."""
        self._api = Api(self.label, HOST, calling, signed(calling.keys))
        self._alone = alone
        self._ttl = ttl or USUAL_TTL
        self._pause = pause or self._api.pause

    def zone(self, name: str) -> str | None:
        """The id of the public zone of this name."""
        query = {"type": "public", "name": f"{name}.", "search_mode": "equal"}
        zones = entries(self._api.ask("dns:zone:list", "GET", "/v2/zones", query), "zones")
        return next((identifier(one, "id") for one in zones if one.get("name") == f"{name}."), None)

    def add(self, zone: str, zone_name: str, record: Record) -> None:
        """Have the value in the name's record set, beside those that it has."""
        with self._alone(f"{HOST} {zone} {record.name}"):
            self._until(zone, record, there=True)

    def remove(self, zone: str, zone_name: str, record: Record) -> None:
        """Take the value out of the name's record set, and the set away with its last one."""
        with self._alone(f"{HOST} {zone} {record.name}"):
            self._until(zone, record, there=False)

    def stop(self) -> None:
        """Ask nothing more."""
        self._api.stop()

    def close(self) -> None:
        """Give the connections back."""
        self._api.close()

    def _until(self, zone: str, record: Record, *, there: bool) -> None:
        """Write until a settled set says so. Raises ProviderFailed where others undo it again and again."""
        quoted = f'"{record.value}"'
        for written in range(MOST_ROUNDS):
            try:
                present = self._settled(zone, record.name)
                values = _values(present)
                if (quoted in values) is there:
                    return
                wanted = [*values, quoted] if there else [one for one in values if one != quoted]
                self._write(zone, record.name, present, wanted)
            except ProviderFailed as error:
                if not isinstance(error, Refusal) or (error.status not in MEANWHILE and error.code != EXISTS):
                    error.untouched = error.untouched and not written
                    raise
        raise ProviderFailed(
            f"{self.label} has {'no' if there else 'still a'} TXT record {record.name} with {record.value}, "
            f"though it was written {MOST_ROUNDS} times: something else writes at this name",
            hint="see what else keeps records there, let it end, and run it again",
        )

    def _write(self, zone: str, name: str, present: Mapping[str, Any] | None, values: Sequence[str]) -> None:
        sets = f"/v2/zones/{zone}/recordsets"
        if present is None:
            content = {"name": f"{name}.", "type": "TXT", "ttl": self._ttl, "records": values}
            self._api.ask("dns:recordset:create", "POST", sets, content=content)
            return
        one = f"{sets}/{identifier(present, 'id')}"
        if not values:
            self._api.ask("dns:recordset:delete", "DELETE", one)
            return
        kept = {key: present[key] for key in ("name", "type", "ttl", "description") if present.get(key)}
        self._api.ask("dns:recordset:update", "PUT", one, content={**kept, "records": values})

    def _settled(self, zone: str, name: str) -> Mapping[str, Any] | None:
        """The name's set once the cloud is done with it; None where there is none."""
        query = {"type": "TXT", "name": f"{name}.", "search_mode": "equal"}
        for _ in range(MOST_LOOKS):
            answer = self._api.ask("dns:recordset:list", "GET", f"/v2/zones/{zone}/recordsets", query)
            found = next((one for one in entries(answer, "recordsets") if _is(one, name)), None)
            if found is None or not text(found, "status").startswith(SETTLING):
                return found
            self._pause(LOOK_SECONDS)
        raise ProviderFailed(
            f"{self.label} has not finished the last change of the TXT records {name} "
            f"after {MOST_LOOKS * LOOK_SECONDS:g} s",
            hint="run it again once it has; what was published meanwhile: tic dns clean",
        )


def signed(keys: Keys) -> Sign:
    """Signs with these keys, by the clock of this machine."""

    def sign(call: Call) -> Mapping[str, str]:
        at = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
        headers = {"content-type": "application/json", "host": call.host, "x-sdk-date": at}
        if keys.token:
            headers["x-security-token"] = keys.token
        names, hashed = summary(call, headers, f"{encoded(call.path, safe='/').rstrip('/')}/")
        text = f"{ALGORITHM}\n{at}\n{hashed}"
        said = f"Access={keys.id}, SignedHeaders={names}, Signature={mac(keys.secret.encode(), text).hex()}"
        return {**headers, "authorization": f"{ALGORITHM} {said}"}

    return sign


def _is(one: Mapping[str, Any], name: str) -> bool:
    return (one.get("name"), one.get("type")) == (f"{name}.", "TXT")


def _values(present: Mapping[str, Any] | None) -> list[str]:
    found = (present or {}).get("records", [])
    if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
        raise OddAnswer("records")
    return found

"""PowerDNS's HTTP API: one record set read, and written as a whole, which is all that it can do before 5.0.

https://doc.powerdns.com/authoritative/http-api/zone.html
"""

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from stacks.dns.publisher import ProviderFailed
from stacks.dns.redaction import Redaction
from stacks.dns.way_out import answered, way_out, why
from stacks.errors import StackError

CALL_SECONDS = 10.0
MOST_BYTES = 64_000_000  # servers before 4.6 send the whole zone
NOT_HERE = frozenset({403, 404, 422})  # of a zone that this server has not, or this key may not see
CHECK_KEY = "make it one that the server takes (its api-key): tic creds rotate NAME"
CHECK_URL = (
    "check the credential's api-url and that the server's webserver and api are on: tic creds rotate NAME"
)


class SettingsMalformed(StackError):
    """The settings of a server's API can't be used; the text never holds the key."""

    exit_code = 2


class OutcomeUnknown(ProviderFailed):
    """A change was sent and no answer came: it may have been done."""


@dataclass(frozen=True, slots=True)
class Value:
    """One record of a set, as the API has it: TXT contents stand in quotes."""

    content: str
    disabled: bool = False


@dataclass(frozen=True, slots=True)
class RecordSet:
    """All TXT records of a name; `ttl` (seconds) is None where there is none."""

    values: tuple[Value, ...] = ()
    ttl: int | None = None


@dataclass(frozen=True, slots=True)
class Zone:
    """A zone by the API's id; `notifies`: its secondaries are told of a change when they are asked to be."""

    id: str
    name: str
    notifies: bool


@dataclass(frozen=True, slots=True)
class Settings:
    """Where the API is: `url` up to what comes before `/servers/`, the server's name there, and the key."""

    url: str
    server: str
    key: str = field(repr=False)

    @classmethod
    def read(cls, url: str, key: str, server: str = "", version: str = "") -> "Settings":
        """From a credential's fields. Raises SettingsMalformed."""
        base = re.sub(r"(/api(/v[0-9]+)?)?/*$", "", url)
        if version == "0":
            raise SettingsMalformed(
                f"the API of {base} is to be that of PowerDNS 3 (api-version 0), which can't be used",
                hint="leave api-version out, as PowerDNS 4.0 and newer need none: tic creds rotate NAME",
            )
        if not re.fullmatch(r"[!-~]+", key):
            raise SettingsMalformed("the API key of PowerDNS holds what no HTTP header can", hint=CHECK_KEY)
        return cls(f"{base}/api/v{version or 1}", server or "localhost", key)


class Api:
    """Calls of one server's API; several threads may use it at once. Every call raises ProviderFailed, and
    making it WayUnusable.
    """

    def __init__(
        self, settings: Settings, *, seconds: float = CALL_SECONDS, machine: Mapping[str, str] = os.environ
    ) -> None:
        self.settings = settings
        self._seconds = seconds
        self._hidden = Redaction([settings.key])
        self._pool = way_out(settings.url, machine, seconds)

    def zone_of(self, name: str) -> Zone:
        """The zone with the longest name that holds `name`."""
        refused = ""
        labels = name.split(".")
        for number in range(len(labels)):
            candidate = ".".join(labels[number:])
            status, said = self._ask("GET", f"/zones/{_id_of(candidate)}?rrsets=false")
            if status == 200 and isinstance(said, dict):
                kind = str(said.get("kind", ""))
                return Zone(str(said.get("id")), candidate, kind in {"Master", "Primary", "Producer"})
            if status not in NOT_HERE:
                raise self._refused(f"looking for the zone of {name}", status, said)
            refused = f", and may not be asked about {candidate}" if status == 403 else refused
        raise ProviderFailed(
            f"PowerDNS at {self.settings.url} holds no zone for {name}{refused}",
            hint="give the credential the server that has the zone, or make the zone there",
            untouched=True,
        )

    def record_set(self, zone: Zone, name: str) -> RecordSet:
        """The TXT records of `name`."""
        query = f"?rrset_name={quote(f'{name}.')}&rrset_type=TXT"
        status, said = self._ask("GET", f"/zones/{zone.id}{query}")
        if status != 200 or not isinstance(said, dict):
            raise self._refused(f"reading the TXT records of {name}", status, said)
        try:
            return _texts(said, name)
        except (LookupError, TypeError, ValueError, AttributeError):
            raise self._refused(f"reading the TXT records of {name}", status, said) from None

    def replace(self, zone: Zone, name: str, wanted: RecordSet, ttl: int) -> None:
        """Let `wanted` be all TXT records of `name`; its comments stay. Raises OutcomeUnknown too."""
        change: dict[str, Any] = {"name": f"{name}.", "type": "TXT"}
        if wanted.values:
            records = [{"content": each.content, "disabled": each.disabled} for each in wanted.values]
            change |= {"changetype": "REPLACE", "ttl": ttl, "records": records}
        else:
            change["changetype"] = "DELETE"
        status, said = self._ask("PATCH", f"/zones/{zone.id}", {"rrsets": [change]})
        if status >= 500:
            message, hint = self._words(f"changing the TXT records of {name}", status, said)
            raise OutcomeUnknown(message, hint=hint)
        if status >= 300:
            raise self._refused(f"changing the TXT records of {name}", status, said)
        if zone.notifies:
            # Where that fails the records are written; whether the secondaries have them is asked later.
            self._ask("PUT", f"/zones/{zone.id}/notify")

    def close(self) -> None:
        """Give its connections back."""
        self._pool.clear()

    def _ask(self, method: str, path: str, content: object = None) -> tuple[int, object]:
        """The status and the body: JSON where it is that, else text."""
        from urllib3.exceptions import HTTPError

        settings = self.settings
        headers = {"X-API-Key": settings.key, "Accept": "application/json", "User-Agent": "tic"}
        body = None if content is None else json.dumps(content).encode()
        if body is not None:
            headers["Content-Type"] = "application/json"
        url = f"{settings.url}/servers/{quote(settings.server, safe='')}{path}"
        try:
            status, received = answered(
                lambda: self._pool.request(
                    method,
                    url,
                    body=body,
                    headers=headers,
                    redirect=False,
                    retries=False,
                    preload_content=False,
                ),
                MOST_BYTES,
                self._seconds,
            )
        except (HTTPError, OSError) as error:
            words = self._hidden.text(
                f"PowerDNS at {settings.url} can't be reached: {why(error, self._seconds)}"
            )
            raise (
                ProviderFailed(words, hint=CHECK_URL, untouched=True)
                if method == "GET"
                else OutcomeUnknown(words, hint=CHECK_URL)
            ) from None
        try:
            return status, json.loads(received)
        except (ValueError, RecursionError):
            return status, received[:500].decode("utf-8", "replace")

    def _refused(self, doing: str, status: int, said: object) -> ProviderFailed:
        message, hint = self._words(doing, status, said)
        return ProviderFailed(message, hint=hint, untouched=True)

    def _words(self, doing: str, status: int, said: object) -> tuple[str, str]:
        if status == 200:
            return self._hidden.text(
                f"PowerDNS at {self.settings.url} failed {doing}: what answers there is not its API"
            ), CHECK_URL
        reason = said.get("error", "") if isinstance(said, dict) else said if isinstance(said, str) else ""
        told = " ".join(str(reason).split())[:300]
        text = f"PowerDNS at {self.settings.url} failed {doing}: HTTP {status}{told and f', {told}'}"
        hint = (
            CHECK_KEY
            if status == 401
            else CHECK_URL
            if status in {301, 302, 404}
            else ("mend what it names on the server; then run again")
        )
        return self._hidden.text(text), hint


def _texts(said: Mapping[str, Any], name: str) -> RecordSet:
    """The TXT records of `name` in a zone as the API gives it; raises where that is no zone."""
    for each in said["rrsets"]:
        if each["type"] == "TXT" and str(each["name"]).rstrip(".").lower() == name:
            values = tuple(Value(str(one["content"]), bool(one.get("disabled"))) for one in each["records"])
            return RecordSet(values, int(each["ttl"]) if values else None)
    return RecordSet()


def _id_of(zone: str) -> str:
    """How the API writes a zone's name in a URL: what is not plain as `=` and two hexadecimal digits."""
    return re.sub(r"[^A-Za-z0-9._-]", lambda found: f"={ord(found[0]):02X}", f"{zone}.")

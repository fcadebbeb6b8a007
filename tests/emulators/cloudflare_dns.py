"""Cloudflare's DNS records, for owners who may edit them; which permission each call needed is remembered.

https://developers.cloudflare.com/api/resources/dns/subresources/records/ and .../zones/methods/list/; a zone
that a token may not read is not listed to it, and an edit that it may not do is an "Authentication error".
"""

import itertools
import re
from typing import Any, Final

from tests.emulators.cloudflare import PREFIX, Cloudflare, Token, User, deny
from tests.emulators.proxy import Request

READ: Final = "Zone / Zone / Read"
EDIT: Final = "Zone / DNS / Edit"
LEAST_TTL: Final = 60
_RECORDS = re.compile(PREFIX + r"/zones/(?P<zone>[0-9a-f]{32})/dns_records(/(?P<record>[0-9a-f]{32}))?")


class CloudflareDns(Cloudflare):
    """The API with records in its zones: `calls` has the owner's id and the permission of each call."""

    def __init__(self, *owners: Token | User, named: tuple[str, ...] = ("example.test",)) -> None:
        super().__init__(*owners, zones=0)
        self.ids = {name: f"{number:032x}" for number, name in enumerate(named, 1)}
        self.records: dict[tuple[str, str], dict[str, Any]] = {}
        self.calls: list[tuple[str, str]] = []
        self._numbers = itertools.count(1)

    def txt(self) -> dict[str, list[str]]:
        """The values that a name server has, as they are without quotes."""
        found: dict[str, list[str]] = {}
        for record in self.records.values():
            found.setdefault(record["name"], []).append(record["content"].strip('"'))
        return found

    def taken(self) -> list[str]:
        """The permissions that calls needed since this was asked last."""
        calls, self.calls = self.calls, []
        return [permission for _, permission in calls]

    def served(self, request: Request) -> dict[str, Any]:
        """What the owner of this request's token or key may have; raises Denied."""
        at = _RECORDS.fullmatch(request.path)
        if at is not None and request.method in ("GET", "POST", "DELETE"):
            owner = self.authenticated(request)
            self.calls.append((owner.id, EDIT))
            if isinstance(owner, Token) and not owner.edits_dns:
                deny(403, 10000, "Authentication error")
            if at["zone"] not in self.ids.values():
                deny(403, 10000, "Authentication error")
            if request.method == "GET":
                return self._listed(at, request)
            return self._create(at, request) if request.method == "POST" else self._delete(at)
        if request.path == f"{PREFIX}/zones":
            owner = self.authenticated(request)
            self.calls.append((owner.id, READ))
            readable = not isinstance(owner, Token) or owner.reads_zones
            zones = [{"id": id_, "name": name} for name, id_ in self.ids.items() if readable]
            return _page([one for one in zones if request.parameters.get("name", one["name"]) == one["name"]])
        return super().served(request)

    def put(self, zone: str, name: str, text: str) -> None:
        """Let somebody else have a TXT record there."""
        id_ = f"{next(self._numbers):032x}"
        made = {"type": "TXT", "name": name, "content": f'"{text}"', "ttl": 300, "id": id_}
        self.records[self.ids[zone], id_] = made

    def _listed(self, at: re.Match[str], request: Request) -> dict[str, Any]:
        """The records that have what is asked for, each compared as it was given, with its quotes."""
        asked = {name: request.parameters.get(name) for name in ("type", "name", "content")}
        wanted = {name: text for name, text in asked.items() if text is not None}
        return _page(
            [
                one
                for (zone, _), one in self.records.items()
                if zone == at["zone"] and wanted.items() <= one.items()
            ]
        )

    def _create(self, at: re.Match[str], request: Request) -> dict[str, Any]:
        asked = request.json()
        zone = next(name for name, id_ in self.ids.items() if id_ == at["zone"])
        if asked["type"] != "TXT" or asked["ttl"] < LEAST_TTL:
            deny(
                400, 9021, f"Invalid TTL. Must be between {LEAST_TTL} and 86400 seconds, or 1 for Automatic."
            )
        if not f".{asked['name']}".endswith(f".{zone}"):
            deny(400, 9005, "Content for the record must be within its zone.")
        made = {name: asked[name] for name in ("type", "name", "content", "ttl")}
        if any(made.items() <= one.items() for one in self.records.values()):
            deny(400, 81058, "An identical record already exists.")
        id_ = f"{next(self._numbers):032x}"
        self.records[at["zone"], id_] = {**made, "id": id_}
        return {"result": self.records[at["zone"], id_]}

    def _delete(self, at: re.Match[str]) -> dict[str, Any]:
        if self.records.pop((at["zone"], at["record"]), None) is None:
            deny(404, 81044, "Record does not exist.")
        return {"result": {"id": at["record"]}}


def _page(found: list[dict[str, Any]]) -> dict[str, Any]:
    return {"result": found, "result_info": {"page": 1, "total_pages": 1, "count": len(found)}}

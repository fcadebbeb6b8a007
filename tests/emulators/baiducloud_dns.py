"""Baidu AI Cloud's public DNS: https://cloud.baidu.com/doc/DNS/s/El4s7lssr.

Lists come in pages. What it says to a record that is there already, and to one that is not, is assumed.
"""

import itertools
import re
from collections.abc import Iterable
from typing import Any, Final

from tests.emulators.baiducloud import BaiduCloud
from tests.emulators.proxy import Request
from tests.emulators.signing import Denied, Key

HOST: Final = "dns.baidubce.com"
READ, OPERATE = "bce:dns READ", "bce:dns OPERATE"
PAGE: Final = 2  # short, so that a few records make several pages
LEAST_TTL: Final = 300
_RECORDS = re.compile(r"/v1/dns/zone/(?P<zone>[a-z0-9.-]+)/record(/(?P<record>\w+))?")


class BaiduCloudDns(BaiduCloud):
    """The account with zones: `calls` has the key's id and the permission of each call."""

    def __init__(self, keys: Iterable[Key], *, named: tuple[str, ...] = ("example.test",)) -> None:
        super().__init__(keys)
        self.named = named
        self.records: dict[str, tuple[str, dict[str, Any]]] = {}
        self.calls: list[tuple[str, str]] = []
        self._numbers = itertools.count(1)

    def txt(self) -> dict[str, list[str]]:
        """The values that a name server has."""
        found: dict[str, list[str]] = {}
        for zone, one in self.records.values():
            found.setdefault(f"{one['rr']}.{zone}".removeprefix("@."), []).append(one["value"])
        return found

    def taken(self) -> list[str]:
        """What was called since this was asked last, in the names of its permissions."""
        calls, self.calls = self.calls, []
        return [action for _, action in calls]

    def put(self, zone: str, rr: str, value: str) -> None:
        """A TXT record of somebody else's."""
        id_ = f"r{next(self._numbers)}"
        self.records[id_] = (zone, {"id": id_, "rr": rr, "type": "TXT", "value": value, "ttl": LEAST_TTL})

    def served(self, request: Request, key: Key) -> dict[str, Any]:
        """What this key may have; raises Denied."""
        at = _RECORDS.fullmatch(request.path)
        listed = (request.host, request.method, request.path) == (HOST, "GET", "/v1/dns/zone")
        if request.host != HOST or (at is None and not listed):
            return super().served(request, key)
        action = READ if request.method == "GET" else OPERATE
        self.calls.append((key.id, action))
        if not self.iam.may(key, action):
            raise Denied(403, "AccessDenied", "Access denied.")
        if at is None:
            found = [one for one in self.named if request.parameters.get("name", "") in one]
            return self._page("zones", [{"id": f"id-{one}", "name": one} for one in found], request)
        if at["zone"] not in self.named:
            raise Denied(404, "NoSuchZone", "The zone does not exist.")
        if request.method == "POST" and at["record"] is None:
            return self._create(at["zone"], request.json())
        if request.method == "DELETE" and at["record"] is not None:
            if self.records.get(at["record"], ("",))[0] != at["zone"]:
                raise Denied(404, "NoSuchRecord", "The record does not exist.")
            del self.records[at["record"]]
            return {}
        here = [one for zone, one in self.records.values() if zone == at["zone"]]
        rr = request.parameters.get("rr", "")
        return self._page("records", [one for one in here if rr in one["rr"]], request)

    def _page(self, name: str, every: list[dict[str, Any]], request: Request) -> dict[str, Any]:
        marker = request.parameters.get("marker", "0")
        if not marker.isdecimal():
            raise Denied(400, "BadRequest", "The marker is not valid.")
        begin = int(marker)
        size = min(PAGE, int(request.parameters.get("maxKeys", PAGE)))
        more = begin + size < len(every)
        following = {"nextMarker": str(begin + size)} if more else {}
        return {"isTruncated": more, "maxKeys": size, name: every[begin : begin + size], **following}

    def _create(self, zone: str, asked: dict[str, Any]) -> dict[str, Any]:
        if asked["type"] != "TXT" or asked["ttl"] < LEAST_TTL or "." in asked["value"]:
            raise Denied(400, "BadRequest", "The parameters of the record are not valid.")
        wanted = {name: asked[name] for name in ("rr", "type", "value")}
        if any(held == zone and wanted.items() <= one.items() for held, one in self.records.values()):
            raise Denied(409, "RecordExist", "The record exists already.")
        self.put(zone, asked["rr"], asked["value"])
        return {}

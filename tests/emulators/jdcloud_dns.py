"""JD Cloud DNS (domainservice): https://docs.jdcloud.com/en/jd-cloud-dns/api/overview.

Lists come in pages and filter by a part of the name. What it says to a record that is there already, and to
one that is not, is assumed.
"""

import itertools
import re
from collections.abc import Iterable
from typing import Any, Final

from tests.emulators.jdcloud import JdCloud
from tests.emulators.proxy import Request
from tests.emulators.signing import Denied, Key

HOST: Final = "domainservice.jdcloud-api.com"
LARGEST_PAGE: Final = 99
LIST, SHOW = "domainservice:describeDomains", "domainservice:describeResourceRecord"
CREATE, DELETE = "domainservice:createResourceRecord", "domainservice:deleteResourceRecord"
_DOMAINS = "/v2/regions/[a-z0-9-]+/domain"
_RECORDS = re.compile(_DOMAINS + r"/(?P<zone>\d+)/ResourceRecord(/(?P<record>\d+))?")


class JdCloudDns(JdCloud):
    """The account with domains: `calls` has the key's id and the action of each call."""

    def __init__(self, keys: Iterable[Key], *, named: tuple[str, ...] = ("example.test",)) -> None:
        super().__init__(keys)
        self.ids = {name: number for number, name in enumerate(named, 20)}
        self.records: dict[int, tuple[int, dict[str, Any]]] = {}
        self.calls: list[tuple[str, str]] = []
        self._numbers = itertools.count(100)

    def txt(self) -> dict[str, list[str]]:
        """The values that a name server has."""
        names = {id_: name for name, id_ in self.ids.items()}
        found: dict[str, list[str]] = {}
        for zone, one in self.records.values():
            found.setdefault(f"{one['hostRecord']}.{names[zone]}", []).append(one["hostValue"])
        return found

    def taken(self) -> list[str]:
        """What was called since this was asked last, in the names of its permissions."""
        calls, self.calls = self.calls, []
        return [action for _, action in calls]

    def put(self, zone: str, host: str, value: str) -> dict[str, Any]:
        """A TXT record of somebody else's."""
        id_ = next(self._numbers)
        made = {"id": id_, "hostRecord": host, "hostValue": value, "type": "TXT"}
        self.records[id_] = (self.ids[zone], made)
        return made

    def served(self, request: Request, key: Key) -> dict[str, Any]:
        """What this key may have; raises Denied."""
        at = _RECORDS.fullmatch(request.path)
        listed = request.method == "GET" and re.fullmatch(_DOMAINS, request.path)
        if request.host != HOST or (at is None and not listed):
            return super().served(request, key)
        records = {("GET", False): SHOW, ("POST", False): CREATE, ("DELETE", True): DELETE}
        action = LIST if at is None else records[request.method, at["record"] is not None]
        self.calls.append((key.id, action))
        if not self.iam.may(key, action):
            raise Denied(403, "HTTP_FORBIDDEN", "the sub user has no permission for this operation")
        if at is None:
            part = request.parameters.get("domainName", "")
            found = [{"id": id_, "domainName": name} for name, id_ in self.ids.items() if part in name]
            return _page(found, request)
        zone = int(at["zone"])
        if zone not in self.ids.values():
            raise Denied(404, "NOT_FOUND", "domain not found")
        if action == CREATE:
            return {"dataList": self._create(zone, request.json()["req"])}
        if action == DELETE:
            return self._delete(zone, int(at["record"]))
        here = [one for held, one in self.records.values() if held == zone]
        return _page(
            [one for one in here if request.parameters.get("search", "") in one["hostRecord"]], request
        )

    def _create(self, zone: int, asked: dict[str, Any]) -> dict[str, Any]:
        if asked["type"] != "TXT" or asked["viewValue"] != -1 or asked["ttl"] < 1:
            raise Denied(400, "INVALID_ARGUMENT", "invalid resource record")
        wanted = {"hostRecord": asked["hostRecord"], "hostValue": asked["hostValue"]}
        if any(held == zone and wanted.items() <= one.items() for held, one in self.records.values()):
            raise Denied(409, "ALREADY_EXISTS", "the resource record exists")
        name = next(name for name, id_ in self.ids.items() if id_ == zone)
        return self.put(name, asked["hostRecord"], asked["hostValue"])

    def _delete(self, zone: int, record: int) -> dict[str, Any]:
        if self.records.get(record, (0,))[0] != zone:
            raise Denied(404, "NOT_FOUND", "resource record not found")
        del self.records[record]
        return {}


def _page(every: list[dict[str, Any]], request: Request) -> dict[str, Any]:
    number, size = (int(request.parameters[name]) for name in ("pageNumber", "pageSize"))
    if size > LARGEST_PAGE:
        raise Denied(400, "INVALID_ARGUMENT", "pageSize is too large")
    shown = every[(number - 1) * size : number * size]
    pages = -(-len(every) // size)
    return {"dataList": shown, "currentCount": len(shown), "totalCount": len(every), "totalPage": pages}

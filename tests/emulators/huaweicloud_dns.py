"""Huawei Cloud's public DNS: https://support.huaweicloud.com/intl/en-us/api-dns/dns_api_64001.html.

The values of a name are one record set, replaced as a whole; a change is pending for a moment. One set of a
name and type is all there can be (DNS.0312); the codes of other refusals are assumed.
"""

import itertools
import re
from collections.abc import Callable, Iterable
from typing import Any, Final

from tests.emulators.huaweicloud import HuaweiCloud
from tests.emulators.proxy import Request
from tests.emulators.signing import Denied, Key

HOST: Final = "dns.myhuaweicloud.com"
ZONES, LIST, SHOW = "dns:zone:list", "dns:recordset:list", "dns:recordset:get"
CREATE, UPDATE, DELETE = "dns:recordset:create", "dns:recordset:update", "dns:recordset:delete"
_SETS = re.compile(r"/v2/zones/(?P<zone>zone\d+)/recordsets(/(?P<set>set\d+))?")
_ACTIONS: Final = {
    ("GET", False): LIST,
    ("GET", True): SHOW,
    ("POST", False): CREATE,
    ("PUT", True): UPDATE,
    ("DELETE", True): DELETE,
}


class HuaweiCloudDns(HuaweiCloud):
    """The account with zones: `calls` has the key's id and the action of each call.

    `before` is told each action before it is done: there a test lets others write.
    """

    def __init__(self, keys: Iterable[Key], *, named: tuple[str, ...] = ("example.test",)) -> None:
        super().__init__(keys)
        self.ids = {name: f"zone{number}" for number, name in enumerate(named, 1)}
        self.sets: dict[str, dict[str, Any]] = {}
        self.calls: list[tuple[str, str]] = []
        self.before: Callable[[str], None] = lambda action: None
        self._numbers = itertools.count(1)

    def txt(self) -> dict[str, list[str]]:
        """The values that a name server has, without quotes."""
        return {
            one["name"].rstrip("."): [value.strip('"') for value in one["records"]]
            for one in self.sets.values()
        }

    def taken(self) -> list[str]:
        """What was called since this was asked last, in the names of its permissions."""
        calls, self.calls = self.calls, []
        return [action for _, action in calls]

    def put(self, zone: str, name: str, *values: str) -> None:
        """A TXT record set as somebody else writes it."""
        id_ = next((id_ for id_, one in self.sets.items() if one["name"] == f"{name}."), None)
        id_ = id_ or f"set{next(self._numbers)}"
        about = {"id": id_, "name": f"{name}.", "type": "TXT", "ttl": 300, "status": "ACTIVE"}
        quoted = [f'"{value}"' for value in values]
        self.sets[id_] = {**about, "zone_id": self.ids[zone], "description": "theirs", "records": quoted}

    def served(self, request: Request, key: Key) -> dict[str, Any]:
        """What this key may have; raises Denied."""
        at = _SETS.fullmatch(request.path)
        listed = (request.method, request.path) == ("GET", "/v2/zones") and "name" in request.parameters
        if request.host != HOST or (at is None and not listed):
            return super().served(request, key)
        action = ZONES if at is None else _ACTIONS[request.method, at["set"] is not None]
        self.before(action)
        self.calls.append((key.id, action))
        if not self.iam.may(key, action):
            raise Denied(403, "PAP5.0002", f"no policy allows the {action} action")
        if at is None:
            return self._zones(request.parameters)
        if at["zone"] not in self.ids.values():
            raise Denied(404, "DNS.0302", "This zone does not exist.")
        if at["set"] is None:
            return self._listed(at["zone"], request) if action == LIST else self._create(at["zone"], request)
        if self.sets.get(at["set"], {}).get("zone_id") != at["zone"]:
            raise Denied(404, "DNS.0313", "This record set does not exist.")
        if action == DELETE:
            return {**self.sets.pop(at["set"]), "status": "PENDING_DELETE"}
        if action == UPDATE:
            self.sets[at["set"]] |= {**_checked(request.json()), "status": "PENDING_UPDATE"}
        return self._shown(self.sets[at["set"]])

    def _zones(self, asked: dict[str, str]) -> dict[str, Any]:
        exact = asked.get("search_mode") == "equal"
        found = [
            {"id": id_, "name": f"{name}.", "zone_type": "public", "status": "ACTIVE"}
            for name, id_ in self.ids.items()
            if (f"{name}." == asked["name"] if exact else asked["name"] in f"{name}.")
        ]
        return {"zones": found, "metadata": {"total_count": len(found)}}

    def _listed(self, zone: str, request: Request) -> dict[str, Any]:
        name = request.parameters.get("name", "")
        found = [
            self._shown(one) for one in self.sets.values() if one["zone_id"] == zone and name in one["name"]
        ]
        return {"recordsets": found, "metadata": {"total_count": len(found)}}

    def _create(self, zone: str, request: Request) -> dict[str, Any]:
        asked = _checked(request.json())
        if any(one["name"] == asked["name"] for one in self.sets.values()):
            said = f"Attribute 'name' conflicts with Record Set '{asked['name']}' type 'TXT'"
            raise Denied(400, "DNS.0312", f"{said} in line 'default_view'.")
        id_ = f"set{next(self._numbers)}"
        self.sets[id_] = {**asked, "id": id_, "zone_id": zone, "status": "PENDING_CREATE"}
        return dict(self.sets[id_])

    def _shown(self, one: dict[str, Any]) -> dict[str, Any]:
        """As it is now; by the next look it has settled."""
        seen = dict(one)
        one["status"] = "ACTIVE"
        return seen


def _checked(asked: dict[str, Any]) -> dict[str, Any]:
    quoted = all(one.startswith('"') and one.endswith('"') for one in asked["records"])
    once = len(set(asked["records"])) == len(asked["records"])
    if asked["type"] != "TXT" or not asked["records"] or not quoted or not once:
        raise Denied(400, "DNS.0307", "Invalid value in the record set.")
    return asked

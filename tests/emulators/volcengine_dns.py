"""Volcano Engine's DNS: https://www.volcengine.com/docs/6758/155086.

What it says to a record that is there already, and to one that is not, is assumed.
"""

import itertools
from collections.abc import Iterable
from typing import Any, Final

from tests.emulators.proxy import Request
from tests.emulators.signing import Denied, Key
from tests.emulators.volcengine import Volcengine

HOST: Final = "open.volcengineapi.com"
VERSION: Final = "2018-08-01"
ACTIONS: Final = {"ListZones", "ListRecords", "CreateRecord", "DeleteRecord"}
PAGE: Final = 2  # short, so that a few records make several pages


class VolcengineDns(Volcengine):
    """The account with zones: `calls` has the key's id and the action of each call."""

    def __init__(self, keys: Iterable[Key], *, named: tuple[str, ...] = ("example.test",)) -> None:
        super().__init__(keys)
        self.ids = {name: number for number, name in enumerate(named, 7000)}
        self.records: dict[str, tuple[int, str, str]] = {}
        self.calls: list[tuple[str, str]] = []
        self._numbers = itertools.count(1)

    def txt(self) -> dict[str, list[str]]:
        """The values that a name server has."""
        names = {id_: name for name, id_ in self.ids.items()}
        found: dict[str, list[str]] = {}
        for zone, host, value in self.records.values():
            found.setdefault(f"{host}.{names[zone]}", []).append(value)
        return found

    def taken(self) -> list[str]:
        """What was called since this was asked last, in the names of its permissions."""
        calls, self.calls = self.calls, []
        return [action for _, action in calls]

    def put(self, zone: str, host: str, value: str) -> str:
        """The id of a TXT record of somebody else's."""
        id_ = f"rec-{next(self._numbers)}"
        self.records[id_] = (self.ids[zone], host, value)
        return id_

    def served(self, request: Request, key: Key) -> dict[str, Any]:
        """What this key may have; raises Denied."""
        asked = request.parameters
        if asked.get("Version") != VERSION or asked.get("Action") not in ACTIONS or request.host != HOST:
            return super().served(request, key)
        action = f"dns:{asked['Action']}"
        self.calls.append((key.id, action))
        if not self.iam.may(key, action):
            raise Denied(403, "AccessDenied", f"User is not authorized to perform: {action} on resource: ")
        if asked["Action"] == "ListZones":
            exact, part = asked.get("SearchMode") == "exact", asked.get("Key", "")
            found = [
                {"ZID": id_, "ZoneName": name}
                for name, id_ in self.ids.items()
                if (name == part if exact else part in name)
            ]
            return {"Total": len(found), "Zones": found}
        if asked["Action"] == "ListRecords":
            return self._page(asked)
        return self._create(request.json()) if action == "dns:CreateRecord" else self._delete(request.json())

    def _page(self, asked: dict[str, str]) -> dict[str, Any]:
        exact, part = asked.get("SearchMode") == "exact", asked.get("Host", "")
        every = [
            {"RecordID": id_, "Host": host, "Type": "TXT", "Value": value}
            for id_, (zone, host, value) in self.records.items()
            if str(zone) == asked["ZID"] and (host == part if exact else part in host)
        ]
        begin = (int(asked.get("PageNumber", "1")) - 1) * PAGE
        return {"TotalCount": len(every), "PageSize": PAGE, "Records": every[begin : begin + PAGE]}

    def _create(self, asked: dict[str, Any]) -> dict[str, Any]:
        zone = next((name for name, id_ in self.ids.items() if id_ == asked["ZID"]), None)
        if zone is None:
            raise Denied(404, "ErrZoneNotFound", "The zone does not exist.")
        if asked["Type"] != "TXT" or asked["TTL"] < 1:
            raise Denied(400, "InvalidParameter", "The record is not valid.")
        if (asked["ZID"], asked["Host"], asked["Value"]) in self.records.values():
            raise Denied(400, "ErrRecordExists", "The record exists already.")
        id_ = self.put(zone, asked["Host"], asked["Value"])
        return {"RecordID": id_, "Host": asked["Host"], "Value": asked["Value"], "Enable": True}

    def _delete(self, asked: dict[str, Any]) -> dict[str, Any]:
        if self.records.pop(asked["RecordID"], None) is None:
            raise Denied(404, "ErrRecordNotFound", "The record does not exist.")
        return {}

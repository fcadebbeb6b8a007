"""Azure DNS: record sets with their ETags, and the zones that Resource Graph finds for who asks.

https://learn.microsoft.com/rest/api/dns/record-sets; of what a principal may not read nothing is found:
https://learn.microsoft.com/azure/governance/resource-graph/overview#permissions-in-azure-resource-graph
"""

import itertools
import re
from typing import Any, Final

from tests.emulators.azure import MANAGER, Application, Azure, deny
from tests.emulators.proxy import Request, Response
from tests.emulators.signing import Denied

READ_ZONES: Final = "Microsoft.Network/dnsZones/read"
READ, WRITE, DELETE = (f"Microsoft.Network/dnsZones/TXT/{one}" for one in ("read", "write", "delete"))
ACTIONS: Final = {"GET": READ, "PUT": WRITE, "PATCH": WRITE, "DELETE": DELETE}
GRAPH: Final = "/providers/Microsoft.ResourceGraph/resources"
GROUP: Final = "dns"
_RECORD_SET = re.compile(
    r"/subscriptions/(?P<subscription>[^/]+)/resourceGroups/(?P<group>[^/]+)/providers/Microsoft\.Network"
    r"/dnsZones(/(?P<zone>[^/]+)/TXT(/(?P<name>[^/]+))?)?"
)
_WHERE = re.compile(r'where (\w+) =~ "([^"]*)"')


class AzureDns(Azure):
    """One subscription with zones in one resource group; an application may do what its `may` names.

    `calls` has the action of each call, allowed or not.
    """

    def __init__(self, *applications: Application, zones: tuple[str, ...] = ("example.test",)) -> None:
        super().__init__(*applications)
        self.zones = zones
        self.sets: dict[tuple[str, str], dict[str, Any]] = {}
        self.calls: list[str] = []
        self._etags = itertools.count(1)

    def put(self, zone: str, name: str, text: str) -> None:
        """Let somebody else have a TXT record set there."""
        self.sets[zone, name] = self._set(name, {"TTL": 3600, "TXTRecords": [{"value": [text]}]})

    def txt(self) -> dict[str, list[str]]:
        """The values that the name servers have."""
        return {
            f"{name}.{zone}": ["".join(one["value"]) for one in made["properties"]["TXTRecords"]]
            for (zone, name), made in self.sets.items()
        }

    def taken(self) -> list[str]:
        """The actions that were called since this was asked last."""
        calls, self.calls = self.calls, []
        return calls

    def __call__(self, request: Request) -> Response:
        """What the host answers."""
        at = _RECORD_SET.fullmatch(request.path)
        if request.host != MANAGER or (at is None and request.path != GRAPH):
            return super().__call__(request)
        try:
            application = self.bearer(request)
            assert "api-version" in request.parameters
            return self._found(application, request) if at is None else self._served(application, request, at)
        except Denied as refusal:
            error = {"code": refusal.code, "message": refusal.message}
            return Response.json({"error": error}, refusal.status)

    def _found(self, application: Application, request: Request) -> Response:
        """What Resource Graph finds of the zones."""
        self.calls.append(READ_ZONES)
        where = dict(_WHERE.findall(request.json()["query"]))
        assert where.pop("type").lower() == "microsoft.network/dnszones"
        here = {"subscriptionId": self.subscription, "resourceGroup": GROUP}
        hit = READ_ZONES in application.may and all(here[of] == wanted for of, wanted in where.items())
        rows = [{**here, "name": zone} for zone in self.zones] if hit else []
        counted = {"totalRecords": len(rows), "count": len(rows), "resultTruncated": "false"}
        return Response.json({**counted, "data": rows})

    def _served(self, application: Application, request: Request, at: re.Match[str]) -> Response:
        action = ACTIONS[request.method] if at["zone"] else READ_ZONES
        self.calls.append(action)
        if action not in application.may:
            who = f"The client '{application.client_id}' with object id '{application.object_id}'"
            what = f"does not have authorization to perform action '{action}' over scope '{request.path}'"
            deny(403, "AuthorizationFailed", f"{who} {what} or the scope is invalid.")
        if (at["subscription"], at["group"]) != (self.subscription, GROUP):
            deny(404, "ResourceGroupNotFound", f"Resource group '{at['group']}' could not be found.")
        if not at["zone"]:
            return Response.json(
                {"value": [{"id": f"{request.path}/{one}", "name": one} for one in self.zones]}
            )
        if at["zone"] not in self.zones:
            deny(404, "ParentResourceNotFound", f"The zone '{at['zone']}' was not found.")
        if not at["name"]:
            return Response.json(
                {"value": [one for (zone, _), one in self.sets.items() if zone == at["zone"]]}
            )
        key = (at["zone"], at["name"])
        known = self.sets.get(key)
        self._check_match(request, known)
        if request.method == "DELETE":
            return Response(204 if self.sets.pop(key, None) is None else 200)
        if request.method == "GET":
            if known is None:
                deny(404, "NotFound", f"The resource record '{at['name']}' does not exist.")
            return Response.json(known)
        properties = request.json()["properties"]
        if not properties["TXTRecords"] or any(not one["value"] for one in properties["TXTRecords"]):
            deny(400, "BadRequest", "The record set has no records.")
        if request.method == "PATCH" and known is None:
            deny(404, "NotFound", f"The resource record '{at['name']}' does not exist.")
        self.sets[key] = self._set(at["name"], properties)
        return Response.json(self.sets[key], 201 if known is None else 200)

    def _set(self, name: str, properties: dict[str, Any]) -> dict[str, Any]:
        about = {"name": name, "type": "Microsoft.Network/dnszones/TXT", "etag": f"etag-{next(self._etags)}"}
        return {**about, "properties": properties}

    def _check_match(self, request: Request, known: dict[str, Any] | None) -> None:
        wanted, new = request.headers.get("if-match"), request.headers.get("if-none-match")
        if wanted is not None and (known is None or known["etag"] != wanted):
            deny(412, "PreconditionFailed", "The condition of If-Match was not met: the ETag is another one.")
        if new == "*" and known is not None:
            deny(412, "PreconditionFailed", "The condition of If-None-Match was not met: it exists.")

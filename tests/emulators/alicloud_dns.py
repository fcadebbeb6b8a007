"""Alidns as its clients need it: domains and records that can be found, and what RAM says of calls.

https://www.alibabacloud.com/help/en/dns/api-alidns-2015-01-09-describedomains and its neighbours. Who may not
make a call is told "Forbidden.RAM"; which call that was stands in AccessDeniedDetail, and not always.
"""

import itertools
import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from tests.emulators.alicloud import AlibabaCloud, deny
from tests.emulators.alicloud_products import DNS, Asked, refuse
from tests.emulators.proxy import Request, Response
from tests.emulators.signing import Key

HOST: Final = "alidns.aliyuncs.com"
MOST_DOMAINS, MOST_RECORDS = 100, 500  # on one page
NOT_AUTHORIZED: Final = (
    "User not authorized to operate on the specified resource, or this API doesn't support RAM."
)


class Alidns(AlibabaCloud):
    """The gateway with Alidns behind it; with `tells_action` its refusals say what was asked for."""

    def __init__(
        self,
        keys: Iterable[Key],
        now: Callable[[], datetime] | None = None,
        *,
        tells_action: bool = True,
        named: Iterable[str] = (),
    ) -> None:
        """The domains that are `named` are those of the first key's account."""
        super().__init__(keys, now)
        self.products.domains[self.account] = set(named)
        self.tells_action = tells_action
        self.products.actions |= {
            (*DNS, "DescribeDomains"): self._domains,
            (*DNS, "DescribeDomainRecords"): self._records,
        }

    @property
    def account(self) -> str:
        """That of the first key."""
        return next(iter(self.keys.values())).account

    def put(self, domain: str, host: str, text: str) -> None:
        """Let somebody else with a key of the first account have a TXT record there."""
        made = {"DomainName": domain, "RR": host, "Type": "TXT", "Value": text}
        self.products.actions[*DNS, "AddDomainRecord"](self.account, made)

    def txt(self) -> dict[str, list[str]]:
        """The values that the name servers have."""
        found: dict[str, list[str]] = {}
        for one in self.products.records.values():
            if one["Type"] == "TXT":
                found.setdefault(f"{one['RR']}.{in_dns(one['DomainName'])}", []).append(one["Value"])
        return found

    def taken(self) -> list[str]:
        """The actions that were called since this was asked last, as RAM names them."""
        calls, self.calls = self.calls, []
        return [f"alidns:{action}" for _, action in calls]

    def said(self, request: Request) -> Response:
        """The answer without its date."""
        answer = super().said(request)
        if not self.tells_action or b'"Forbidden.RAM"' not in answer.body:
            return answer
        action = f"alidns:{request.headers['x-acs-action']}"
        detail = {"AuthAction": action, "AuthPrincipalType": "SubUser", "NoPermissionType": "ImplicitDeny"}
        body = json.dumps({**json.loads(answer.body), "AccessDeniedDetail": detail})
        return replace(answer, body=body.encode())

    def served(self, request: Request, key: Key) -> dict[str, Any]:
        """What this key may have; raises Denied."""
        action = request.headers["x-acs-action"]
        if request.host == HOST and not self.ram.may(key, f"alidns:{action}"):
            self.calls.append((key.id, action))
            deny(403, "Forbidden.RAM", NOT_AUTHORIZED)
        return super().served(request, key)

    def _domains(self, account: str, asked: Asked) -> dict[str, Any]:
        number, size = int(asked.get("PageNumber", 1)), int(asked.get("PageSize", 20))
        if not 1 <= size <= MOST_DOMAINS:
            refuse(400, "InvalidParameter", "The PageSize is out of range.")
        every = sorted(self.products.domains.get(account, ()))
        page = itertools.islice(every, (number - 1) * size, number * size)
        found = [{"DomainId": f"id-{name}", "DomainName": name, "PunyCode": in_dns(name)} for name in page]
        counted = {"TotalCount": len(every), "PageNumber": number, "PageSize": size}
        return {**counted, "Domains": {"Domain": found}}

    def _records(self, account: str, asked: Asked) -> dict[str, Any]:
        number, size = int(asked.get("PageNumber", 1)), int(asked.get("PageSize", 20))
        if not 1 <= size <= MOST_RECORDS:
            refuse(400, "InvalidParameter", "The PageSize is out of range.")
        domain = asked["DomainName"]
        if domain not in self.products.domains.get(account, ()):
            refuse(404, "InvalidDomainName.NoExist", "The specified domain name does not exist.")
        every = [
            {**one, "TTL": int(one["TTL"])}
            for (whose, _), one in sorted(self.products.records.items())
            if whose == account and one["DomainName"] == domain
        ]
        page = every[(number - 1) * size : number * size]
        counted = {"TotalCount": len(every), "PageNumber": number, "PageSize": size}
        return {**counted, "DomainRecords": {"Record": page}}


def in_dns(domain: str) -> str:
    """A domain as DNS has it, from another script."""
    return domain.encode("idna").decode()

"""Route 53: moto's zones behind the gate of `tests.emulators.aws`, and what was called.

The refusal names the action and what it was asked for, as IAM writes it: https://docs.aws.amazon.com/IAM/latest/
UserGuide/troubleshoot_access-denied.html
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from moto.route53.models import route53_backends

from tests.emulators.aws import ACCOUNT, Aws, aws, operation
from tests.emulators.proxy import Request, Response


class Route53:
    """An account's zones: `calls` has each action that was asked for, allowed or not, by its IAM name."""

    def __init__(self, account: Aws) -> None:
        self.account = account
        self.calls: list[str] = []
        self.pending = 0  # so many times it is said that a change is still on its way

    def __call__(self, request: Request) -> Response:
        """What the service answers."""
        self.calls.append(f"{request.host.partition('.')[0]}:{operation(request)}")
        answer = self.account(request)
        if (
            self.pending
            and b"<Status>INSYNC</Status>" in answer.body
            and self.calls[-1].endswith(":GetChange")
        ):
            self.pending -= 1
            return replace(answer, body=answer.body.replace(b"INSYNC", b"PENDING"))
        return answer

    def zone(self, name: str, *, private: bool = False) -> str:
        """A new hosted zone; its id."""
        made = route53_backends[ACCOUNT]["aws"].create_hosted_zone(f"{name}.", private)
        return str(made.resource_id)

    def put(self, zone_id: str, name: str, text: str) -> None:
        """Let somebody else have a TXT record there."""
        made = {"Name": f"{name}.", "Type": "TXT", "TTL": 300, "ResourceRecords": [f'"{text}"']}
        route53_backends[ACCOUNT]["aws"].zones[zone_id].add_rrset(made)

    def txt(self, zone_id: str = "") -> dict[str, list[str]]:
        """The values that the name servers have, of one zone or of all public ones."""
        found: dict[str, list[str]] = {}
        for zone in route53_backends[ACCOUNT]["aws"].zones.values():
            if zone.resource_id == zone_id or not (zone_id or zone.private_zone):
                for one in zone.rrsets:
                    if one.type == "TXT":
                        values = [value.strip('"') for value in one.records]
                        found.setdefault(one.name.rstrip("."), []).extend(values)
        return found

    def taken(self) -> list[str]:
        """The actions that were asked for since this was asked last."""
        calls, self.calls = self.calls, []
        return calls


@contextmanager
def route53() -> Iterator[Route53]:
    """An account that nobody used before."""
    with aws() as account:
        yield Route53(account)

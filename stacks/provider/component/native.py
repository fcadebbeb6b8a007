"""Challenge records that a cloud's own Pulumi plugin publishes, so that they are that plugin's resources.

For teams that have these plugins: the record is in previews and in the state as every other record of theirs.
tic verifies it and answers the challenge; Pulumi removes it, because no program asks for it any longer.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi

from stacks.provider.acme.epoch import CERTIFICATE
from stacks.provider.run import Run


@dataclass(frozen=True, slots=True)
class NativeRecord:
    """A record's resource type, and its properties from zone, name in the zone, and value."""

    token: str
    properties: Callable[[Any, Any, Any], Mapping[str, Any]]
    download_url: str | None = None

    @property
    def package(self) -> str:
        """The plugin's."""
        return self.token.partition(":")[0]


NATIVE = {
    # pulumi-alicloud 4: alicloud.dns.AlidnsRecord; DnsRecord and Record are its older, deprecated names.
    "alicloud": NativeRecord(
        "alicloud:dns/alidnsRecord:AlidnsRecord",
        lambda zone, rr, value: {"domainName": zone, "rr": rr, "type": "TXT", "value": value},
    ),
    # tencentcloud-iac-pulumi 0.2: dnspod.Record; the line's name is DNSPod's default one.
    "tencentcloud": NativeRecord(
        "tencentcloud:Dnspod/record:Record",
        lambda zone, rr, value: {
            "domain": zone,
            "subDomain": rr,
            "recordType": "TXT",
            "recordLine": "默认",
            "value": value,
        },
        "github://api.github.com/tencentcloudstack",
    ),
}
"""By the kind of credential that publishes."""


@dataclass(frozen=True, slots=True)
class Spot:
    """A record's zone and its name in there, plain or as an output that is not known yet."""

    zone: Any
    relative: Any


def spot(record_name: str, nameservers: Sequence[str]) -> Spot:
    """Where the record belongs, CNAMEs followed, by the zone's servers or those given (`ip:port`).

    Asks DNS. Raises ZoneNotFound.
    """
    from stacks.dns.zones import SystemResolver, Zones, place_at  # dnspython, which nothing else here needs

    place = place_at(record_name, nameservers) if nameservers else Zones(SystemResolver()).place(record_name)
    return Spot(place.zone, place.name.removesuffix(f".{place.zone}") if place.name != place.zone else "@")


def register(
    kind: str, name: str, where: Spot, value: pulumi.Output[str | None], opts: pulumi.ResourceOptions
) -> pulumi.CustomResource:
    """The record as the plugin's resource; its SDK need not be installed."""
    native = NATIVE[kind]
    own = pulumi.ResourceOptions(plugin_download_url=native.download_url)
    properties = native.properties(where.zone, where.relative, value)
    return pulumi.CustomResource(
        native.token, name, dict(properties), pulumi.ResourceOptions.merge(opts, own)
    )


def is_finished(run: Run, order_url: str) -> bool:
    """Whether a certificate came out of this order before this run: then its records serve nobody."""
    return any(each.outputs.get("orderUrl") == order_url for each in run.held(CERTIFICATE))

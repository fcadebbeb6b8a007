"""From an opened credential to tic's own client of a cloud's DNS."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from engine.timing import HTTP_TIMEOUT, TTL, Timing
from stacks.dns import clouds
from stacks.dns.clouds.signing import Keys

if TYPE_CHECKING:
    from credentials.secret import SecretBytes
    from stacks.dns.clouds.account import Alone, CloudRecords

_TOKENS = ("session-token", "security-token")


def cloud_client(
    kind: str,
    fields: "Mapping[str, SecretBytes]",
    *,
    timing: Timing,
    machine: Mapping[str, str],
    alone: "Alone",
) -> "CloudRecords":
    """A publisher with the values of a kind in `dns_bindings.CLOUDS`; `alone` holds a record set that is
    changed as a whole.
    """
    plain = {name: value.reveal().decode() for name, value in fields.items()}
    token = next((plain[name] for name in _TOKENS if name in plain), "")
    return clouds.publisher(
        kind,
        Keys(plain.get("access-key") or plain["secret-id"], plain["secret-key"], token),
        machine=machine,
        alone=alone,
        region=plain.get("region", ""),
        ttl=timing.seconds(TTL),
        seconds=timing.seconds(HTTP_TIMEOUT),
    )

"""The DNS of clouds that lego's clients serve badly: their records over HTTPS, by name and value.

`publisher` is the way in. Why these and no others: docs/decisions/cloud-dns.md.
"""

from collections.abc import Callable, Mapping

from stacks.dns.clouds.account import Account, Alone, CloudRecords
from stacks.dns.clouds.alicloud import AlibabaCloud
from stacks.dns.clouds.baiducloud import BaiduCloud
from stacks.dns.clouds.calls import Calling
from stacks.dns.clouds.huaweicloud import HuaweiCloud
from stacks.dns.clouds.jdcloud import JdCloud
from stacks.dns.clouds.signing import Keys
from stacks.dns.clouds.tencentcloud import TencentCloud
from stacks.dns.clouds.volcengine import Volcengine

DEFAULT_SECONDS = 30.0


def publisher(
    kind: str,
    keys: Keys,
    *,
    machine: Mapping[str, str],
    alone: Alone,
    region: str = "",
    ttl: int | None = None,
    seconds: float | None = None,
) -> CloudRecords:
    """A Publisher for an account at `kind`: alicloud, baiducloud, huaweicloud, jdcloud, tencentcloud
    or volcengine.

    `machine` is the environment that says how the outside is reached; `alone` holds a name whose records are
    changed as a whole; `ttl` (seconds) of the records and the `seconds` that a call may take are the cloud's
    usual ones where they are None.
    """
    calling = Calling(keys, machine, seconds or DEFAULT_SECONDS)
    accounts: dict[str, Callable[[], Account]] = {
        "alicloud": lambda: AlibabaCloud(calling, ttl=ttl),
        "baiducloud": lambda: BaiduCloud(calling, ttl=ttl),
        "huaweicloud": lambda: HuaweiCloud(calling, ttl=ttl, alone=alone),
        "jdcloud": lambda: JdCloud(calling, ttl=ttl, region=region),
        "tencentcloud": lambda: TencentCloud(calling, ttl=ttl),
        "volcengine": lambda: Volcengine(calling, ttl=ttl, region=region),
    }
    return CloudRecords(kind, accounts[kind]())

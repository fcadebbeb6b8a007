"""A certificate at Huawei Cloud: its own ways, besides what every target promises."""

from collections.abc import Iterator

import pytest

from stacks.provider.deploy.huaweicloud_scm import HuaweicloudScm
from tests.emulators.huaweicloud_certificates import HOST, IAM, HuaweiCertificates
from tests.stacks.provider.acme.chains import chain
from tests.stacks.provider.deploy.at_store import KEY, AtStore, at_store
from tests.stacks.provider.deploy.service_promises import ServicePromises, ToldAsNoAnswer, UsedOnesStay


@pytest.fixture
def cloud() -> HuaweiCertificates:
    return HuaweiCertificates([KEY])


@pytest.fixture
def at(cloud: HuaweiCertificates, monkeypatch: pytest.MonkeyPatch) -> Iterator[AtStore]:
    from huaweicloudsdkcore.auth.credentials import GlobalCredentials

    monkeypatch.setattr(GlobalCredentials, "_CACHE", {})  # as in a process of its own
    with at_store(monkeypatch, HuaweicloudScm(), cloud, HOST, IAM, region="cn-east-3") as made:
        yield made


class TestHuaweicloudScm(ServicePromises, UsedOnesStay, ToldAsNoAnswer):
    WRITE = "scm:cert:upload"
    DELETE = "scm:cert:delete"
    CLEARING = ("scm:cert:deployed", DELETE)
    SAME_ID = False
    EXTRA = "huaweicloud"
    SDK = "huaweicloudsdkscm.v3.scm_client"
    TOKEN_FIELD = "security_token"
    TOLD = "cdn CDN www.a.test"
    TRADITIONAL = True


def test_what_could_not_be_looked_at_counts_as_a_user(at: AtStore, cloud: HuaweiCertificates) -> None:
    at.place.up(chain("a.test"))
    old, cloud.blind = at.place.id, True
    assert at.place.up(chain("a.test", serial=2))["superseded"] == [old]
    assert "elb in cn-east-3, which could not be looked at" in at.place.ear.warned[0]


@pytest.mark.parametrize(
    ("credentials_own", "given", "host"),
    [
        ("cn-south-1", None, "scm.cn-north-4.myhuaweicloud.com"),
        ("", None, "scm.cn-north-4.myhuaweicloud.com"),
        ("ap-southeast-3", None, "scm.ap-southeast-1.myhuaweicloud.com"),
        ("my-kualalumpur-1", None, "scm.my-kualalumpur-1.myhuaweicloud.com"),
        ("cn-south-1", "ap-southeast-1", "scm.ap-southeast-1.myhuaweicloud.com"),
    ],
)
def test_the_service_is_the_one_of_the_account_s_site(
    at: AtStore, credentials_own: str, given: str | None, host: str
) -> None:
    at.bind(region=credentials_own)
    opened = at.place.broker.credentials["huaweicloud"]
    inputs = {} if given is None else {"region": given}
    assert HuaweicloudScm().open(at.place.operation(), opened, inputs).host == host

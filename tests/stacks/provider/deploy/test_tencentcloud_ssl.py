"""A certificate at Tencent Cloud: its own ways, besides what every target promises."""

from collections.abc import Iterator

import pytest

from stacks.errors import StackError
from stacks.provider.deploy import tencentcloud_ssl
from stacks.provider.deploy.tencentcloud_ssl import ROLE, TencentcloudSsl
from tests.emulators.tencentcloud_certificates import HOST, TencentCertificates
from tests.stacks.provider.acme.chains import chain
from tests.stacks.provider.deploy.at_store import KEY, AtStore, at_store
from tests.stacks.provider.deploy.service_promises import ServicePromises, ToldAsNoAnswer, UsedOnesStay


@pytest.fixture
def cloud() -> TencentCertificates:
    return TencentCertificates([KEY])


@pytest.fixture
def at(cloud: TencentCertificates, monkeypatch: pytest.MonkeyPatch) -> Iterator[AtStore]:
    monkeypatch.setattr(tencentcloud_ssl, "FIRST_PAUSE", 0.001)
    with at_store(monkeypatch, TencentcloudSsl(), cloud, HOST, secret_id=KEY.id) as made:
        yield made


class TestTencentcloudSsl(ServicePromises, UsedOnesStay, ToldAsNoAnswer):
    WRITE = "ssl:UploadCertificate"
    DELETE = "ssl:DeleteCertificate"
    CLEARING = ("ssl:CreateCertificateBindResourceSyncTask", DELETE)
    SAME_ID = False
    EXTRA = "tencentcloud"
    SDK = "tencentcloud.ssl.v20191205.ssl_client"
    TOLD = "cdn"
    TRADITIONAL = True


def test_what_could_not_be_looked_at_counts_as_a_user(at: AtStore, cloud: TencentCertificates) -> None:
    at.place.up(chain("a.test"))
    old, cloud.blind = at.place.id, True
    assert at.place.up(chain("a.test", serial=2))["superseded"] == [old]
    assert "clb in ap-guangzhou, which could not be looked at" in at.place.ear.warned[0]


def test_without_its_role_the_service_deletes_nothing_and_it_is_told_how(
    at: AtStore, cloud: TencentCertificates
) -> None:
    at.place.up(chain("a.test"))
    cloud.role = False
    with pytest.raises(StackError, match="RoleNotFoundAuthorization") as refused:
        at.place.destroy()
    assert ROLE in refused.value.hint
    assert len(at.has()) == 1

"""A certificate at Baidu Cloud: its own ways, besides what every target promises."""

from collections.abc import Iterator

import pytest

from stacks.provider.deploy.baiducloud_cas import HOST, BaiducloudCas
from tests.emulators.baiducloud_certificates import PERMISSION, BaiduCloudCertificates
from tests.stacks.provider.acme.chains import chain
from tests.stacks.provider.deploy.at_store import KEY, AtStore, at_store
from tests.stacks.provider.deploy.service_promises import RefusesToRemove, ServicePromises, UsedOnesStay


@pytest.fixture
def cloud() -> BaiduCloudCertificates:
    return BaiduCloudCertificates([KEY])


@pytest.fixture
def at(cloud: BaiduCloudCertificates, monkeypatch: pytest.MonkeyPatch) -> Iterator[AtStore]:
    with at_store(monkeypatch, BaiducloudCas(), cloud, HOST) as made:
        yield made


class TestBaiducloudCas(ServicePromises, UsedOnesStay, RefusesToRemove):
    WRITE = DELETE = PERMISSION
    EXTRA = "baiducloud"
    SDK = "baidubce"


class TestWhereOnlyExpiredOnesAreReplaced(TestBaiducloudCas):
    """One reading of the documents: data is replaced only of what has expired."""

    SAME_ID = False

    @pytest.fixture
    def cloud(self) -> BaiduCloudCertificates:
        return BaiduCloudCertificates([KEY], only_expired=True)


def test_without_a_fingerprint_the_times_of_validity_tell(at: AtStore, cloud: BaiduCloudCertificates) -> None:
    cloud.tells_fingerprints = False
    state = at.place.up(chain("a.test"))
    assert at.place.refresh() == state

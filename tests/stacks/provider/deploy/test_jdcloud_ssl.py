"""A certificate at JD Cloud: its own ways, besides what every target promises."""

from collections.abc import Iterator

import pytest

from stacks.provider.deploy.jdcloud_ssl import HOST, MOST_NAME, JdcloudSsl, shortened
from tests.emulators.jdcloud_certificates import JdCloudCertificates
from tests.stacks.provider.acme.chains import chain
from tests.stacks.provider.deploy.at_store import KEY, AtStore, at_store
from tests.stacks.provider.deploy.service_promises import (
    RefusesToRemove,
    ServicePromises,
    UsedOnesStay,
)


@pytest.fixture
def cloud() -> JdCloudCertificates:
    return JdCloudCertificates([KEY])


@pytest.fixture
def at(cloud: JdCloudCertificates, monkeypatch: pytest.MonkeyPatch) -> Iterator[AtStore]:
    with at_store(monkeypatch, JdcloudSsl(), cloud, HOST) as made:
        yield made


class TestJdcloudSsl(ServicePromises, UsedOnesStay, RefusesToRemove):
    WRITE = "ssl:uploadCert"
    DELETE = "ssl:deleteCerts"
    EXTRA = "jdcloud"
    SDK = "jdcloud_sdk"
    WHILE_USED = True


class TestWhatTheServiceDoesNotUpdate(TestJdcloudSsl):
    SAME_ID = False
    WHILE_USED = False
    CLEARING = ("ssl:deleteCerts",)

    @pytest.fixture
    def cloud(self) -> JdCloudCertificates:
        return JdCloudCertificates([KEY], updateable=False)


def test_a_long_name_is_shortened_and_stays_its_own(at: AtStore) -> None:
    made = chain("a.test")
    states = [at.place.another(f"a-resource-with-a-long-name-{end}").up(made) for end in "ab"]
    assert len({each["certificateId"] for each in states}) == 2
    assert {len(one.name) for one in at.store.kept.values()} == {MOST_NAME}
    assert shortened("tic-site-0123456789ab") == "tic-site-0123456789ab"

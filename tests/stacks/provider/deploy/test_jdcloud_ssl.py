"""tic:deploy/jdcloudSsl:JdcloudSsl against a service that checks signatures and what it is sent."""

from collections.abc import Iterator

import pytest

from stacks.provider.deploy.jdcloud_ssl import HOST, MOST_NAME, JdcloudSsl, shortened
from tests.emulators.jdcloud_certificates import JdCloudCertificates
from tests.emulators.signing import Key
from tests.stacks.provider.acme.chains import chain
from tests.stacks.provider.deploy.service_promises import RemovalPromises, ServicePromises
from tests.stacks.provider.deploy.service_world import World
from tests.stacks.provider.deploy.service_world import world as made_world


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with made_world(monkeypatch, JdcloudSsl(), HOST, JdCloudCertificates) as made:
        yield made


class TestPromises(ServicePromises):
    in_place = True
    while_used = True
    package = "jdcloud_sdk"


class TestPromisesOfWhatTheServiceDoesNotUpdate(ServicePromises, RemovalPromises):
    in_place = False
    removal = "ssl:deleteCerts"
    while_used = False
    package = "jdcloud_sdk"

    @pytest.fixture
    def world(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
        def make(keys: list[Key]) -> JdCloudCertificates:
            return JdCloudCertificates(keys, updateable=False)

        with made_world(monkeypatch, JdcloudSsl(), HOST, make) as made:
            yield made


def test_a_long_name_is_shortened_and_stays_its_own(world: World) -> None:
    made = chain("a.test")
    states = [world.named(f"a-resource-with-a-long-name-{end}").up(None, made) for end in "ab"]
    assert len({each["certificateId"] for each in states}) == 2
    assert {len(one.name) for one in world.store.kept.values()} == {MOST_NAME}
    assert shortened("tic-site-0123456789ab") == "tic-site-0123456789ab"

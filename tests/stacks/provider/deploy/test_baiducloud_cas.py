"""tic:deploy/baiducloudCas:BaiducloudCas against a service that checks signatures and what it is sent."""

from collections.abc import Iterator

import pytest

from stacks.provider.deploy.baiducloud_cas import HOST, BaiducloudCas
from tests.emulators.baiducloud_certificates import BaiduCloudCertificates
from tests.emulators.signing import Key
from tests.stacks.provider.acme.chains import chain
from tests.stacks.provider.deploy.service_promises import ServicePromises
from tests.stacks.provider.deploy.service_world import World
from tests.stacks.provider.deploy.service_world import world as made_world


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with made_world(monkeypatch, BaiducloudCas(), HOST, BaiduCloudCertificates) as made:
        yield made


class TestPromises(ServicePromises):
    in_place = True
    while_used = False
    package = "baidubce"


class TestPromisesWhereOnlyExpiredOnesAreReplaced(ServicePromises):
    """One reading of the documents: data is replaced only of what has expired."""

    in_place = False
    while_used = False
    package = "baidubce"

    @pytest.fixture
    def world(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
        def make(keys: list[Key]) -> BaiduCloudCertificates:
            return BaiduCloudCertificates(keys, only_expired=True)

        with made_world(monkeypatch, BaiducloudCas(), HOST, make) as made:
            yield made


def test_without_a_fingerprint_the_times_of_validity_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    def make(keys: list[Key]) -> BaiduCloudCertificates:
        return BaiduCloudCertificates(keys, tells_fingerprints=False)

    with made_world(monkeypatch, BaiducloudCas(), HOST, make) as world:
        state = world.up(None, chain("a.test"))
        assert world.read(state) == state

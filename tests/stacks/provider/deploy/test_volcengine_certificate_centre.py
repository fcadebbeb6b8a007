"""tic:deploy/volcengineCertificateCentre against a service that checks signatures and what it is sent."""

from collections.abc import Iterator

import pytest

from stacks.provider.deploy.volcengine_certificate_centre import HOST, VolcengineCertificateCentre
from tests.emulators.volcengine_certificates import VolcengineCertificates
from tests.stacks.provider.deploy.service_promises import RemovalPromises, ServicePromises
from tests.stacks.provider.deploy.service_world import World
from tests.stacks.provider.deploy.service_world import world as made_world


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with made_world(monkeypatch, VolcengineCertificateCentre(), HOST, VolcengineCertificates) as made:
        yield made


class TestPromises(ServicePromises, RemovalPromises):
    in_place = False
    removal = "certificate_service:CertificateDeleteInstance"
    while_used = False
    tells_users = False
    package = "volcenginesdkcore"

"""A certificate at Volcano Engine: what every target promises."""

from collections.abc import Iterator

import pytest

from stacks.provider.deploy.volcengine_certificate_centre import HOST, VolcengineCertificateCentre
from tests.emulators.volcengine_certificates import VolcengineCertificates
from tests.stacks.provider.deploy.at_store import KEY, AtStore, at_store
from tests.stacks.provider.deploy.service_promises import (
    RefusesToRemove,
    ServicePromises,
    UsedOnesStay,
)


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Iterator[AtStore]:
    with at_store(monkeypatch, VolcengineCertificateCentre(), VolcengineCertificates([KEY]), HOST) as made:
        yield made


class TestVolcengineCertificateCentre(ServicePromises, UsedOnesStay, RefusesToRemove):
    WRITE = "certificate_service:ImportCertificate"
    DELETE = "certificate_service:CertificateDeleteInstance"
    CLEARING = (DELETE,)
    SAME_ID = False
    EXTRA = "volcengine"
    SDK = "volcenginesdkcore"
    TOLD = ""  # it does not tell

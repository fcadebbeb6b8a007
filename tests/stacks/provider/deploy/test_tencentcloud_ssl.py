"""A certificate at Tencent Cloud: its own ways, besides what every target promises."""

from collections.abc import Iterator

import pytest

from stacks.errors import StackError
from stacks.provider.deploy import tencentcloud_ssl
from stacks.provider.deploy.tencentcloud_ssl import ROLE, TencentcloudSsl
from tests.emulators import tencentcloud_certificates
from tests.emulators.signing import Key
from tests.emulators.tencentcloud_certificates import TencentCertificates
from tests.stacks.provider.acme.chains import chain
from tests.stacks.provider.deploy.promises import Promises, Unreliable, World, pair, world

SECRET = "cAnArY-secret-of-tencent"
FIELDS = {"secret-id": "AKIDcanary", "secret-key": SECRET}


@pytest.fixture
def store() -> TencentCertificates:
    return TencentCertificates([Key("AKIDcanary", SECRET, "100000000001", "deployer")])


@pytest.fixture
def unreliable(store: TencentCertificates) -> list[Unreliable]:
    return [Unreliable(store)]


@pytest.fixture
def at(
    store: TencentCertificates, unreliable: list[Unreliable], monkeypatch: pytest.MonkeyPatch
) -> Iterator[World]:
    monkeypatch.setattr(tencentcloud_ssl, "FIRST_PAUSE", 0.001)
    hosts = {tencentcloud_certificates.HOST: unreliable[0]}
    with world(TencentcloudSsl(), store, {**hosts}, {**FIELDS}, [SECRET], monkeypatch) as made:
        yield made


class TestTencentcloudSsl(Promises):
    UPLOAD = "ssl:UploadCertificate"
    DELETE = "ssl:DeleteCertificate"
    LOOK = "ssl:CreateCertificateBindResourceSyncTask"
    EXTRA = "tencentcloud"
    SDK = "tencentcloud.ssl.v20191205.ssl_client"


def test_the_same_certificate_that_somebody_else_uploaded_stays_theirs(at: World) -> None:
    made = chain("a.test")
    theirs = at.store.put("their name", *pair(made))
    assert at.create(made)["certificateId"] != theirs


def test_what_could_not_be_looked_at_counts_as_a_user(at: World, store: TencentCertificates) -> None:
    state = at.create(chain("a.test"))
    store.blind = True
    renewed = at.update(state, chain("a.test", serial=2))
    assert renewed["superseded"] == [state["certificateId"]]
    assert "clb in ap-guangzhou, which could not be looked at" in at.ear.warned[0]


def test_without_its_role_the_service_deletes_nothing_and_it_is_told_how(
    at: World, store: TencentCertificates
) -> None:
    state = at.create(chain("a.test"))
    store.role = False
    with pytest.raises(StackError, match="RoleNotFoundAuthorization") as refused:
        at.delete(state)
    assert ROLE in refused.value.hint
    assert len(at.ours()) == 1


def test_temporary_keys_deploy_too(at: World, store: TencentCertificates) -> None:
    store.keys["AKIDcanary"] = Key("AKIDcanary", SECRET, token="cAnArY-token")
    with pytest.raises(StackError, match="refuses"):
        at.create(chain("a.test"))
    at.bind(**{"session-token": "cAnArY-token"})
    at.create(chain("a.test"))
    assert len(at.ours()) == 1

"""A certificate at Huawei Cloud: its own ways, besides what every target promises."""

from collections.abc import Iterator

import pytest

from stacks.errors import StackError
from stacks.provider.deploy.huaweicloud_scm import HuaweicloudScm
from tests.emulators import huaweicloud_certificates
from tests.emulators.huaweicloud_certificates import HuaweiCertificates
from tests.emulators.signing import Key
from tests.stacks.provider.acme.chains import chain
from tests.stacks.provider.deploy.promises import Promises, Unreliable, World, pair, world

SECRET = "cAnArY-secret-of-huawei"
FIELDS = {"access-key": "HWcanary", "secret-key": SECRET, "region": "cn-east-3"}


@pytest.fixture
def store() -> HuaweiCertificates:
    return HuaweiCertificates([Key("HWcanary", SECRET, "domain-1", "deployer")])


@pytest.fixture
def unreliable(store: HuaweiCertificates) -> list[Unreliable]:
    return [Unreliable(store), Unreliable(store)]


@pytest.fixture
def at(
    store: HuaweiCertificates, unreliable: list[Unreliable], monkeypatch: pytest.MonkeyPatch
) -> Iterator[World]:
    from huaweicloudsdkcore.auth.credentials import GlobalCredentials

    monkeypatch.setattr(GlobalCredentials, "_CACHE", {})  # as in a process of its own
    hosts = dict(zip((huaweicloud_certificates.HOST, huaweicloud_certificates.IAM), unreliable, strict=True))
    with world(HuaweicloudScm(), store, {**hosts}, {**FIELDS}, [SECRET], monkeypatch) as made:
        yield made


class TestHuaweicloudScm(Promises):
    UPLOAD = "scm:cert:upload"
    DELETE = "scm:cert:delete"
    LOOK = "scm:cert:deployed"
    EXTRA = "huaweicloud"
    SDK = "huaweicloudsdkscm.v3.scm_client"


def test_the_same_certificate_that_somebody_else_uploaded_stays_theirs(at: World) -> None:
    made = chain("a.test")
    theirs = at.store.put("their name", *pair(made))
    assert at.create(made)["certificateId"] != theirs


def test_what_could_not_be_looked_at_counts_as_a_user(at: World, store: HuaweiCertificates) -> None:
    state = at.create(chain("a.test"))
    store.blind = True
    renewed = at.update(state, chain("a.test", serial=2))
    assert renewed["superseded"] == [state["certificateId"]]
    assert "elb in cn-east-3, which could not be looked at" in at.ear.warned[0]


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
    at: World, credentials_own: str, given: str | None, host: str
) -> None:
    at.bind(region=credentials_own)
    opened = at.broker.credentials["huaweicloud"]
    inputs = {} if given is None else {"region": given}
    assert HuaweicloudScm().open(at.operation(), opened, inputs).host == host


def test_temporary_keys_deploy_too(at: World, store: HuaweiCertificates) -> None:
    store.keys["HWcanary"] = Key("HWcanary", SECRET, "domain-1", token="cAnArY-token")
    with pytest.raises(StackError, match="refuses"):
        at.create(chain("a.test"))
    at.bind(**{"security-token": "cAnArY-token"})
    at.create(chain("a.test"))
    assert len(at.ours()) == 1

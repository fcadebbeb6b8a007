"""A certificate at Alibaba Cloud: its own ways, besides what every target promises."""

from collections.abc import Iterator

import pytest

from stacks.errors import StackError
from stacks.provider.deploy.alicloud_cas import AlicloudCas
from tests.emulators import alicloud_certificates
from tests.emulators.alicloud_certificates import AlibabaCertificates
from tests.emulators.signing import Key
from tests.stacks.provider.acme.chains import chain
from tests.stacks.provider.deploy.promises import Promises, Unreliable, World, pair, world

SECRET = "cAnArY-secret-of-alicloud"
FIELDS = {"access-key": "LTAIcanary", "secret-key": SECRET, "region": "cn-shanghai"}


@pytest.fixture
def store() -> AlibabaCertificates:
    return AlibabaCertificates([Key("LTAIcanary", SECRET, "1300000000000000", "deployer")])


@pytest.fixture
def unreliable(store: AlibabaCertificates) -> list[Unreliable]:
    return [Unreliable(store)]


@pytest.fixture
def at(
    store: AlibabaCertificates, unreliable: list[Unreliable], monkeypatch: pytest.MonkeyPatch
) -> Iterator[World]:
    hosts = {alicloud_certificates.HOST: unreliable[0]}
    with world(AlicloudCas(), store, {**hosts}, FIELDS, [SECRET], monkeypatch) as made:
        yield made


class TestAlicloudCas(Promises):
    UPLOAD = "yundun-cert:UploadUserCertificate"
    DELETE = "yundun-cert:DeleteUserCertificate"
    LOOK = "yundun-cert:ListCloudResources"
    EXTRA = "alicloud"
    SDK = "alibabacloud_cas20200407.client"


def test_load_balancers_find_it_by_its_identifier(at: World) -> None:
    state = at.create(chain("a.test"))
    assert state["certificateIdentifier"] == f"{state['certificateId']}-cn-hangzhou"


def test_a_name_that_another_certificate_has_is_not_taken_over(at: World) -> None:
    made = chain("a.test")
    state = at.create(made)
    name = at.store.kept.pop(state["certificateId"]).name
    at.store.put(name, *pair(chain("a.test", serial=99)))
    with pytest.raises(StackError, match="NameRepeat"):
        at.create(made)


def test_temporary_keys_deploy_too(at: World, store: AlibabaCertificates) -> None:
    store.keys["LTAIcanary"] = Key("LTAIcanary", SECRET, token="cAnArY-token")
    with pytest.raises(StackError, match="refuses"):
        at.create(chain("a.test"))
    at.bind(**{"security-token": "cAnArY-token"})
    at.create(chain("a.test"))
    assert len(at.ours()) == 1

"""A certificate at Alibaba Cloud: its own ways, besides what every target promises."""

from collections.abc import Iterator

import pytest

from stacks.errors import StackError
from stacks.provider.deploy.alicloud_cas import AlicloudCas
from tests.emulators.alicloud_certificates import HOST, AlibabaCertificates
from tests.stacks.provider.acme.chains import chain
from tests.stacks.provider.deploy.at_store import KEY, AtStore, at_store
from tests.stacks.provider.deploy.service_promises import ServicePromises, ToldAsNoAnswer, UsedOnesStay


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Iterator[AtStore]:
    with at_store(monkeypatch, AlicloudCas(), AlibabaCertificates([KEY]), HOST, region="cn-shanghai") as made:
        made.swapped = "another"  # names are unique
        yield made


class TestAlicloudCas(ServicePromises, UsedOnesStay, ToldAsNoAnswer):
    WRITE = "yundun-cert:UploadUserCertificate"
    DELETE = "yundun-cert:DeleteUserCertificate"
    CLEARING = ("yundun-cert:ListCloudResources", DELETE)
    SAME_ID = False
    EXTRA = "alicloud"
    SDK = "alibabacloud_cas20200407.client"
    TOKEN_FIELD = "security_token"
    TRADITIONAL = True


def test_load_balancers_find_it_by_its_identifier(at: AtStore) -> None:
    state = at.place.up(chain("a.test"))
    assert state["certificateIdentifier"] == f"{at.place.id}-cn-hangzhou"


def test_a_name_that_another_certificate_has_is_not_taken_over(at: AtStore) -> None:
    made = chain("a.test")
    at.place.up(made)
    at.swapped = None
    at.swap(at.place.id, chain("a.test", serial=99))
    at.place.lose()
    with pytest.raises(StackError, match="NameRepeat"):
        at.place.up(made)

"""A certificate in AWS Certificate Manager: its own ways, besides what every target in place promises."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from moto.acm.models import acm_backends

from stacks.errors import StackError
from stacks.provider.deploy.aws_acm import KEY_TYPES, AwsAcm
from stacks.provider.deploy.bundle import fingerprint
from stacks.provider.properties import Change
from tests.emulators.aws import ACCOUNT, REGION
from tests.emulators.aws_certificates import HOSTS, Acm, acm
from tests.emulators.aws_metadata import Instance
from tests.emulators.metadata import metadata
from tests.emulators.signing import Key
from tests.stacks.provider.acme.chains import Chain, chain
from tests.stacks.provider.deploy.placed import Placed, placed
from tests.stacks.provider.deploy.promises import CANARY, NeedsPackage, Promises, Unnamed

LEAST = ("acm:ListCertificates", "acm:GetCertificate", "acm:ImportCertificate")
DELETE = "acm:DeleteCertificate"
DESCRIBE = "acm:DescribeCertificate"
ALL = (*LEAST, DELETE, DESCRIBE)


@dataclass(slots=True)
class AtAcm:
    """The stack's credential is `key`; what it may not do any more is in nobody's policy."""

    acm: Acm
    place: Placed
    key: Key = field(repr=False)

    def has(self, region: str = REGION) -> dict[str, str]:
        there = self.acm.certificates(region)
        return {arn: fingerprint(one.cert.decode()) for arn, one in there.items()}

    def put(self, made: Chain) -> str:
        return self._put(made, None)

    def swap(self, id_: str, made: Chain) -> None:
        self._put(made, id_)

    def _put(self, made: Chain, arn: str | None) -> str:
        certificate, key, above = (each.encode() for each in (made.certificate, made.key, made.intermediate))
        return str(acm_backends[ACCOUNT][REGION].import_certificate(certificate, key, above, arn, []))

    def lose(self, id_: str) -> None:
        del self.acm.certificates()[id_]

    def deny(self, *actions: str) -> None:
        self.acm.account.allow("deployer", *(each for each in ALL if each not in actions))

    def taken(self) -> list[str]:
        return self.acm.taken()


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Iterator[AtAcm]:
    with acm() as service, placed(monkeypatch, AwsAcm(), service, HOSTS) as place:
        key = service.account.user("deployer", *ALL)
        place.bind(access_key_id=key.id, secret_access_key=key.secret, region=REGION)
        yield AtAcm(service, place, key)


class TestAwsAcm(Promises, Unnamed, NeedsPackage):
    WRITE = "acm:ImportCertificate"
    DELETE = DELETE
    SPARED = (DESCRIBE,)
    SDK = "botocore.session"
    EXTRA = "aws"


def test_a_key_of_another_type_is_another_certificate(at: AtAcm) -> None:
    at.place.up(chain("a.test"))
    old = at.place.id
    state = at.place.up(chain("a.test", serial=2, key_type="ec384"))
    assert at.has() == {at.place.id: state["fingerprint"]}
    assert at.place.id != old


def test_what_is_used_stays_and_is_named_until_nothing_uses_it(at: AtAcm) -> None:
    at.place.up(chain("a.test"))
    old, balancer = at.place.id, "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/web/1"
    at.acm.use(old, balancer)
    made = chain("a.test", serial=2, key_type="ec384")
    assert at.place.up(made)["superseded"] == [old]
    assert balancer in at.place.ear.warned[0]
    assert set(at.has()) == {old, at.place.id}
    with pytest.raises(StackError, match="loadbalancer/app/web/1"):
        at.place.destroy()
    at.acm.use(old)
    assert at.place.up(made)["superseded"] is None
    assert set(at.has()) == {at.place.id}


def test_with_the_least_privileges_alone_what_is_left_waits_and_is_told(at: AtAcm) -> None:  # B9
    at.acm.account.allow("deployer", *LEAST)
    at.place.up(chain("a.test"))
    old = at.place.id
    made = chain("a.test", serial=2, key_type="ec384")
    assert at.place.up(made)["superseded"] == [old]
    assert DELETE in at.place.ear.warned[0]
    at.acm.use(old, "arn:aws:cloudfront::123456789012:distribution/E1")
    at.acm.account.allow("deployer", *LEAST, DELETE)
    assert at.place.up(made)["superseded"] == [old]
    assert DESCRIBE in at.place.ear.warned[1]
    at.acm.use(old)
    assert at.place.up(made)["superseded"] is None
    assert set(at.has()) == {at.place.id}


@pytest.mark.parametrize("key_type", ["rsa2048", "ec384"])
def test_every_type_of_key_is_found_again(at: AtAcm, key_type: str) -> None:
    made = chain("a.test", key_type=key_type)
    at.place.up(made)
    arn = at.place.id
    at.place.lose()
    at.place.up(made)
    assert at.place.id == arn
    assert {one.describe()["Certificate"]["KeyAlgorithm"] for one in at.acm.certificates().values()} <= set(
        KEY_TYPES
    )


def test_the_deployments_region_goes_before_the_credentials(at: AtAcm) -> None:
    made = chain("a.test")
    at.place.up(made, region="eu-central-1")
    assert at.place.id.split(":")[3] == "eu-central-1"
    assert at.has() == {}
    at.place.bind(access_key_id=at.key.id, secret_access_key=at.key.secret)  # its own region is gone
    at.place.up(chain("a.test", serial=2), region="eu-central-1")
    assert set(at.has("eu-central-1")) == {at.place.id}
    at.place.lose()
    with pytest.raises(StackError, match="in which region"):
        at.place.up(made)


def test_naming_the_region_that_it_has_replaces_nothing(at: AtAcm) -> None:
    made = chain("a.test")
    at.place.up(made)
    assert at.place.diff(made, region=REGION) == {"region": Change.UPDATE}
    at.place.up(made, region=REGION)
    assert at.place.diff(made) == {"region": Change.UPDATE}
    assert at.place.diff(made, region="eu-central-1") == {"region": Change.REPLACE}


def test_a_certificate_stays_in_its_region_when_the_credentials_is_another(at: AtAcm) -> None:
    at.place.up(chain("a.test"))
    arn = at.place.id
    at.place.bind(access_key_id=at.key.id, secret_access_key=at.key.secret, region="eu-central-1")
    at.place.up(chain("a.test", serial=2))
    assert set(at.has()) == {at.place.id} == {arn}


def test_a_shared_file_with_its_profile_and_temporary_keys_deploy_too(
    at: AtAcm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAOFSOMEBODYELSE")  # the machine's own are not asked
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "of-somebody-else")
    monkeypatch.setenv("AWS_PROFILE", "of-somebody-else")
    file = tmp_path / "credentials"
    file.write_text(f"[web]\naws_access_key_id={at.key.id}\naws_secret_access_key={at.key.secret}\n")
    at.place.bind(credentials_file=str(file), profile="web", region=REGION)
    at.place.up(chain("a.test"))
    temporary = at.acm.account.session("rolling", *LEAST)
    at.place.bind(
        access_key_id=temporary.id,
        secret_access_key=temporary.secret,
        session_token=temporary.token,
        region=REGION,
    )
    state = at.place.up(chain("a.test", serial=2))
    assert at.has() == {at.place.id: state["fingerprint"]}
    at.place.bind(credentials_file=str(file), profile="another", region=REGION)
    with pytest.raises(StackError, match="has no keys"):
        at.place.up(chain("a.test", serial=3))


def test_the_role_of_the_instance_deploys_too(at: AtAcm, monkeypatch: pytest.MonkeyPatch) -> None:
    temporary = at.acm.account.session("of-the-instance", *LEAST)
    with metadata(Instance("of-the-instance", temporary)) as service:
        monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", service.address)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAOFSOMEBODYELSE")  # the machine's own are not asked
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "of-somebody-else")
        at.place.bind(identity="instance", region=REGION)
        state = at.place.up(chain("a.test"))
    assert at.has() == {at.place.id: state["fingerprint"]}


def test_a_key_that_aws_does_not_know_is_told(at: AtAcm) -> None:
    at.place.bind(access_key_id=at.key.id, secret_access_key=CANARY, region=REGION)
    with pytest.raises(StackError) as refused:
        at.place.up(chain("a.test"))
    assert "SignatureDoesNotMatch" in str(refused.value)
    assert "tic creds rotate" in refused.value.hint


def test_a_certificate_of_another_account_is_told_as_such(at: AtAcm) -> None:
    at.place.up(chain("a.test"))
    assert at.place.state is not None
    at.place.state["certificateId"] = at.place.id.replace(ACCOUNT, "999999999999")
    at.deny("acm:GetCertificate")
    with pytest.raises(StackError, match=f"is in account 999999999999, .* of account {ACCOUNT}"):
        at.place.up(chain("a.test", serial=2))


@pytest.mark.parametrize("region", ["EU", "eu central"])
def test_a_region_that_is_none_is_refused(region: str) -> None:
    assert [each.path for each in AwsAcm().check({"region": region}).failures if each.path == "region"]

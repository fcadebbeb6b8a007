"""Huawei Cloud tells who a key is, to the official SDK, and refuses in its own words."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from credentials.identity import ClockSkew, Identity, Inconclusive, Rejected, verify
from tests.credentials.identity.asking import assert_nothing_told, secrets, settle
from tests.emulators.huaweicloud import HuaweiCloud
from tests.emulators.proxy import Request, Response, clouds
from tests.emulators.signing import Key

# The SDKs take the time with utcnow(), which Python 3.12 warns of.
pytestmark = pytest.mark.filterwarnings("ignore:datetime.datetime.utc:DeprecationWarning")

HOSTS = ("sts.cn-north-4.myhuaweicloud.com", "dns.myhuaweicloud.com", "scm.cn-north-4.myhuaweicloud.com")
SECRET, WRONG, TOKEN = "cAnArY-sk-2f81", "cAnArY-wrong", "cAnArY-token-77c0"
KEY = Key("HUAWEIKEY", SECRET, "27680d67da6b47eb82d00a1a118be145", "alice")
FIELDS = {"access-key": KEY.id, "secret-key": SECRET}


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[HuaweiCloud]:
    made = HuaweiCloud([KEY])
    with clouds(dict.fromkeys(HOSTS, made)) as env:
        settle(monkeypatch, env)
        yield made


def asked(fields: Mapping[str, str] = FIELDS) -> Identity:
    return verify("huaweicloud", secrets(fields), timeout=5)


def test_a_key_is_told_who_it_is_and_what_it_can(cloud: HuaweiCloud) -> None:  # B9
    assert asked() == Identity(
        account="27680d67da6b47eb82d00a1a118be145",
        principal="iam::27680d67da6b47eb82d00a1a118be145:user:alice",
        detail={
            "principal id": "id-alice",
            "can": "apply: list DNS zones (dns:zone:list); deploy: list certificates (scm:cert:list)",
        },
    )


def test_what_its_policies_do_not_allow_is_said(cloud: HuaweiCloud) -> None:  # B9
    cloud.keys[KEY.id] = replace(KEY, denied=frozenset({"scm:cert:list"}))
    told = asked()
    assert told.cannot == ("deploy: list certificates (scm:cert:list)",)
    assert told.detail["can"] == "apply: list DNS zones (dns:zone:list)"


def test_a_temporary_key_goes_with_its_token_alone(cloud: HuaweiCloud) -> None:
    cloud.keys[KEY.id] = replace(KEY, token=TOKEN)
    assert asked({**FIELDS, "security-token": TOKEN}).account == KEY.account
    with pytest.raises(Rejected, match="decrypt token fail"):
        asked()


def test_an_unknown_key_is_rejected_with_the_providers_words(cloud: HuaweiCloud) -> None:
    with pytest.raises(Rejected, match=r"APIGW\.0301: .* not exist \(request 5a63903e") as caught:
        asked({**FIELDS, "access-key": "NOBODY"})
    assert caught.value.exit_code == 1


def test_a_disabled_key_is_rejected(cloud: HuaweiCloud) -> None:
    cloud.keys[KEY.id] = replace(KEY, disabled=True)
    with pytest.raises(Rejected, match="inactive"):
        asked()


def test_a_wrong_secret_is_rejected_and_never_repeated(
    cloud: HuaweiCloud, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    fields = {**FIELDS, "secret-key": WRONG, "security-token": TOKEN}
    with pytest.raises(Rejected, match="verify aksk signature fail") as caught:
        asked(fields)
    assert_nothing_told(caught.value, ["cAnArY"], caplog, capfd)


def test_a_locked_key_is_not_called_wrong(cloud: HuaweiCloud) -> None:
    cloud.failures = 5
    with pytest.raises(Inconclusive, match="failed to reach the limit"):
        asked()


@pytest.mark.parametrize(("ahead", "said"), [(1, "60 min behind"), (-1, "60 min ahead of")])
def test_a_clock_that_is_off_is_not_a_wrong_key(cloud: HuaweiCloud, ahead: int, said: str) -> None:
    cloud.now = lambda: datetime.now(UTC) + timedelta(hours=ahead)
    with pytest.raises(ClockSkew, match=said) as caught:
        asked()
    assert caught.value.skew is not None
    assert abs(caught.value.skew + timedelta(hours=ahead)) < timedelta(minutes=1)


def test_a_region_where_the_sdk_knows_no_sts_asks_elsewhere(cloud: HuaweiCloud) -> None:
    assert asked({**FIELDS, "region": "cn-nowhere-9"}).account == KEY.account


@pytest.mark.parametrize(
    "answer", [Response(429), Response(503), Response(200, body=b"<html>"), Response.json({"account_id": ""})]
)
def test_an_answer_that_says_nothing_of_the_key_is_said_to_be_that(
    monkeypatch: pytest.MonkeyPatch, answer: Response
) -> None:
    def service(_: Request) -> Response:
        return answer

    with clouds({HOSTS[0]: service}) as env:
        settle(monkeypatch, env)
        with pytest.raises(Inconclusive):
            asked()

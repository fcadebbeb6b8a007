"""Alibaba Cloud tells who a key is, to the official SDK, and refuses in its own words."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from credentials.identity import ClockSkew, Identity, Inconclusive, Rejected, Unreachable, verify
from tests.credentials.identity.asking import assert_nothing_told, secrets, settle
from tests.emulators.alicloud import HOSTS, AlibabaCloud
from tests.emulators.proxy import Request, Response, clouds
from tests.emulators.signing import Key

# Canaries stand here alone: a traceback shows the lines of the tests, too.
SECRET, TOKEN, WRONG = "cAnArY-sk-2c5d", "cAnArY-token-8a01", "cAnArY-wrong"
KEY = Key("LTAIEXAMPLE", SECRET, "1234567890123456", "alice")
FIELDS = {"access-key": KEY.id, "secret-key": SECRET}
APPLY = "apply: list DNS domains (alidns:DescribeDomains)"
DEPLOY = "deploy: list certificates (yundun-cert:ListUserCertificateOrder)"
ECS = (
    "ecs: list instances (ecs:DescribeInstances)",
    "ecs: read Cloud Assistant's state (ecs:DescribeCloudAssistantStatus)",
    "ecs: read results of commands (ecs:DescribeInvocationResults)",
)


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[AlibabaCloud]:
    made = AlibabaCloud([KEY])
    with clouds(dict.fromkeys(HOSTS, made)) as env:
        settle(monkeypatch, env)
        yield made


def asked(fields: Mapping[str, str] = FIELDS) -> Identity:
    return verify("alicloud", secrets(fields), timeout=5)


def test_a_key_is_told_who_it_is_and_what_it_can(cloud: AlibabaCloud) -> None:  # B9
    assert asked() == Identity(
        account="1234567890123456",
        principal="acs:ram::1234567890123456:user/alice",
        detail={
            "type": "RAMUser",
            "user id": "215180000000000000",
            "can": "; ".join([APPLY, DEPLOY, *ECS]),
        },
    )


def test_what_its_policies_do_not_allow_is_said(cloud: AlibabaCloud) -> None:  # B9
    denied = frozenset({"yundun-cert:ListUserCertificateOrder", "ecs:DescribeCloudAssistantStatus"})
    cloud.keys[KEY.id] = replace(KEY, denied=denied)
    assert asked().cannot == (DEPLOY, ECS[1])


def test_instances_are_asked_for_in_the_credentials_region(cloud: AlibabaCloud) -> None:
    assert ECS[0] in asked({**FIELDS, "region": "eu-central-1"}).detail["can"]
    elsewhere = asked({**FIELDS, "region": "cn-elsewhere"})
    assert elsewhere.detail["not known"] == "; ".join(ECS)


def test_a_temporary_key_goes_with_its_token_alone(cloud: AlibabaCloud) -> None:
    cloud.keys[KEY.id] = replace(KEY, token=TOKEN)
    assert asked({**FIELDS, "security-token": TOKEN}).account == KEY.account
    with pytest.raises(Rejected, match=r"InvalidAccessKeyId\.NotFound"):
        asked()
    with pytest.raises(Rejected, match=r"InvalidSecurityToken\.Mismatch"):
        asked({**FIELDS, "security-token": WRONG})


def test_an_unknown_key_is_rejected_with_the_providers_words(cloud: AlibabaCloud) -> None:
    with pytest.raises(
        Rejected, match=r"InvalidAccessKeyId\.NotFound: Specified access key is not found. \(request 5a6"
    ) as caught:
        asked({**FIELDS, "access-key": "NOBODY"})
    assert (caught.value.exit_code, caught.value.code) == (1, "InvalidAccessKeyId.NotFound")


def test_a_disabled_key_is_rejected(cloud: AlibabaCloud) -> None:
    cloud.keys[KEY.id] = replace(KEY, disabled=True)
    with pytest.raises(Rejected, match=r"InvalidAccessKeyId\.Inactive"):
        asked()


def test_a_wrong_secret_is_rejected_and_never_repeated(
    cloud: AlibabaCloud,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("DEBUG", "sdk")  # has the SDK print the headers of each request
    cloud.keys[KEY.id] = replace(KEY, token=TOKEN)
    with pytest.raises(Rejected, match="SignatureDoesNotMatch: the secret key is not this access") as caught:
        asked({**FIELDS, "secret-key": WRONG, "security-token": TOKEN})
    assert_nothing_told(caught.value, ["cAnArY", "ACS3-HMAC"], caplog, capfd)


@pytest.mark.parametrize(("ahead", "said"), [(1, "60 min behind"), (-1, "60 min ahead of")])
def test_a_clock_that_is_off_is_not_a_wrong_key(cloud: AlibabaCloud, ahead: int, said: str) -> None:
    cloud.now = lambda: datetime.now(UTC) + timedelta(hours=ahead)
    with pytest.raises(
        ClockSkew, match=rf"InvalidTimeStamp\.Expired: this machine's clock is {said}"
    ) as caught:
        asked()
    assert "clock" in caught.value.hint


@pytest.mark.parametrize(
    "answer",
    [
        Response(503),
        Response(200, body=b"<html>"),
        Response.json({"Code": "Throttling.User", "Message": "-", "RequestId": "-"}, 400),
        Response.json({"Code": "ServiceUnavailable", "Message": "-", "RequestId": "-"}, 503),
        Response.json({"other": 1}),
        Response.json([]),
    ],
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


def test_a_provider_that_can_not_be_reached_is_no_rejection(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with clouds({"elsewhere.test": lambda _: Response()}) as env:
        settle(monkeypatch, env)
        with pytest.raises(Unreachable, match="the proxy refuses: 403") as caught:
            asked()
    assert caught.value.exit_code == 6
    assert_nothing_told(caught.value, ["cAnArY"], caplog, capfd)

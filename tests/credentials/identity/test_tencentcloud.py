"""Tencent Cloud tells who a key is, to the official SDK, and refuses in its own words."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from credentials.identity import (
    ClockSkew,
    Identity,
    Inconclusive,
    NotVerifiable,
    Rejected,
    Unreachable,
    verify,
)
from tests.credentials.identity.asking import assert_nothing_told, secrets, settle
from tests.emulators.proxy import Request, Response, clouds
from tests.emulators.signing import Key
from tests.emulators.tencentcloud import HOSTS, TencentCloud

# Canaries stand here alone: a traceback shows the lines of the tests, too.
SECRET, TOKEN = "cAnArY-sk-9d11", "cAnArY-token-4be2"
WRONG, UNSPEAKABLE = "cAnArY-wrong", "cAnArY-\u00e4"
KEY = Key("AKIDEXAMPLE", SECRET, "100000000001", "100000000002")
FIELDS = {"secret-id": KEY.id, "secret-key": SECRET}
APPLY, DEPLOY = (
    "apply: list DNS domains (dnspod:DescribeDomainList)",
    "deploy: list certificates (ssl:DescribeCertificates)",
)


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[TencentCloud]:
    made = TencentCloud([KEY])
    with clouds(dict.fromkeys(HOSTS, made)) as env:
        settle(monkeypatch, env)
        yield made


def asked(fields: Mapping[str, str] = FIELDS) -> Identity:
    return verify("tencentcloud", secrets(fields), timeout=5)


def test_a_key_is_told_who_it_is_and_what_it_can(cloud: TencentCloud) -> None:  # B9
    assert asked() == Identity(
        account="100000000001",
        principal="qcs::cam::uin/100000000001:uin/100000000002",
        detail={"type": "SubAccount", "user id": "100000000002", "can": f"{APPLY}; {DEPLOY}"},
    )


def test_what_its_policies_do_not_allow_is_said(cloud: TencentCloud) -> None:  # B9
    cloud.keys[KEY.id] = replace(KEY, denied=frozenset({"dnspod:DescribeDomainList"}))
    told = asked()
    assert told.cannot == (APPLY,)
    assert told.detail["can"] == DEPLOY


def test_what_cannot_be_found_out_is_said_to_be_that(monkeypatch: pytest.MonkeyPatch) -> None:
    with clouds({HOSTS[0]: TencentCloud([KEY])}) as env:  # no dnspod, no ssl
        settle(monkeypatch, env)
        told = asked()
    assert (told.cannot, told.detail["not known"]) == ((), f"{APPLY}; {DEPLOY}")


def test_a_temporary_key_goes_with_its_token_alone(cloud: TencentCloud) -> None:
    cloud.keys[KEY.id] = replace(KEY, token=TOKEN)
    assert asked({**FIELDS, "session-token": TOKEN}).account == KEY.account
    with pytest.raises(Rejected, match=r"AuthFailure\.TokenFailure"):
        asked()


@pytest.mark.parametrize("change", [{"id": "AKIDOTHER"}, {"disabled": True}])
def test_an_unknown_or_disabled_key_is_rejected(cloud: TencentCloud, change: dict[str, Any]) -> None:
    cloud.keys = {key.id: key for key in [replace(KEY, **change)]}
    with pytest.raises(Rejected, match=r"AuthFailure\.SecretIdNotFound: .* \(request 5a63903e") as caught:
        asked()
    assert (caught.value.exit_code, caught.value.code) == (1, "AuthFailure.SecretIdNotFound")


def test_a_wrong_secret_is_rejected_and_never_repeated(
    cloud: TencentCloud, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(Rejected, match=r"AuthFailure\.SignatureFailure") as caught:
        asked({**FIELDS, "secret-key": WRONG})
    assert_nothing_told(caught.value, ["cAnArY"], caplog, capfd)


@pytest.mark.parametrize(("ahead", "said"), [(1, "60 min behind"), (-1, "60 min ahead of")])
def test_a_clock_that_is_off_is_not_a_wrong_key(cloud: TencentCloud, ahead: int, said: str) -> None:
    cloud.now = lambda: datetime.now(UTC) + timedelta(hours=ahead)
    with pytest.raises(ClockSkew, match=said) as caught:
        asked()
    assert caught.value.skew is not None
    assert abs(caught.value.skew + timedelta(hours=ahead)) < timedelta(minutes=1)


@pytest.mark.parametrize(
    "answer",
    [
        Response(503),
        Response(200, {"content-type": "application/json"}, b"<html>"),
        Response.json({"Response": {"Error": {"Code": "InternalError", "Message": "-"}, "RequestId": "-"}}),
        Response.json(
            {"Response": {"Error": {"Code": "RequestLimitExceeded", "Message": "-"}, "RequestId": "-"}}
        ),
        Response.json({"other": 1}),
        Response.json({"Response": {"RequestId": "-"}}),
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


def test_a_secret_that_no_request_can_carry_is_never_repeated(
    cloud: TencentCloud, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(NotVerifiable, match="its session-token has characters") as caught:
        asked({**FIELDS, "session-token": UNSPEAKABLE})
    assert_nothing_told(caught.value, ["cAnArY"], caplog, capfd)

"""Volcano Engine tells who a key is, to the official SDK, and refuses in its own words."""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from credentials.identity import ClockSkew, Identity, Inconclusive, Rejected, verify
from tests.credentials.identity.asking import assert_nothing_told, secrets, settle
from tests.emulators.proxy import Request, Response, clouds
from tests.emulators.signing import Key
from tests.emulators.volcengine import Volcengine

# The SDKs take the time with utcnow(), which Python 3.12 warns of.
pytestmark = pytest.mark.filterwarnings("ignore:datetime.datetime.utc:DeprecationWarning")

HOST = "open.volcengineapi.com"
SECRET, WRONG, TOKEN = "cAnArY-sk-91ab", "cAnArY-wrong", "cAnArY-token-0d3e"
KEY = Key("AKLTvolcano", SECRET, "2100000000", "alice")
FIELDS = {"access-key": KEY.id, "secret-key": SECRET}
LIST_ZONES, LIST_CERTIFICATES = "dns:ListZones", "certificate_service:CertificateGetInstanceList"


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[Volcengine]:
    made = Volcengine([KEY])
    with clouds({HOST: made}) as env:
        settle(monkeypatch, env)
        yield made


def asked(fields: Mapping[str, str] = FIELDS) -> Identity:
    return verify("volcengine", secrets(fields), timeout=5)


def test_a_key_is_told_who_it_is_and_what_it_can(cloud: Volcengine) -> None:  # B9
    assert asked() == Identity(
        account="2100000000",
        principal="trn:iam::2100000000:user/alice",
        detail={
            "type": "User",
            "user id": "alice-id",
            "can": f"apply: list DNS zones ({LIST_ZONES}); deploy: list certificates ({LIST_CERTIFICATES})",
        },
    )


def test_what_its_policies_do_not_allow_is_said(cloud: Volcengine) -> None:  # B9
    cloud.keys[KEY.id] = replace(KEY, denied=frozenset({LIST_ZONES}))
    assert asked().cannot == (f"apply: list DNS zones ({LIST_ZONES})",)


def test_a_key_that_may_not_even_ask_who_it_is_is_right_all_the_same(cloud: Volcengine) -> None:
    cloud.keys[KEY.id] = replace(KEY, denied=frozenset({"sts:GetCallerIdentity"}))
    told = asked()
    assert (told.account, told.principal) == ("", "")
    assert told.cannot == ("tell who it is (sts:GetCallerIdentity)",)


def test_a_region_of_its_own_is_signed_for(cloud: Volcengine) -> None:
    assert asked({**FIELDS, "region": "cn-shanghai"}).account == KEY.account


def test_a_temporary_key_goes_with_its_token_alone(cloud: Volcengine) -> None:
    cloud.keys[KEY.id] = replace(KEY, token=TOKEN)
    assert asked({**FIELDS, "session-token": TOKEN}).account == KEY.account
    with pytest.raises(Rejected, match="InvalidSecretToken"):
        asked()


def test_a_wrong_token_is_rejected_and_never_repeated(
    cloud: Volcengine, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(Rejected, match=r"InvalidSecretToken: .* msg: \*\*\* is not valid") as caught:
        asked({**FIELDS, "session-token": TOKEN})
    assert_nothing_told(caught.value, [SECRET, TOKEN], caplog, capfd)


@pytest.mark.parametrize("disabled", [True, False])
def test_an_unknown_key_and_a_disabled_one_are_rejected(cloud: Volcengine, disabled: bool) -> None:
    cloud.keys = {KEY.id: replace(KEY, disabled=True)} if disabled else {}
    with pytest.raises(Rejected, match=r"InvalidAccessKey: .* invalid\. \(request 5a63903e"):
        asked()


def test_a_wrong_secret_is_rejected_and_never_repeated(
    cloud: Volcengine, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(Rejected, match="SignatureDoesNotMatch") as caught:
        asked({**FIELDS, "secret-key": WRONG})
    assert_nothing_told(caught.value, ["cAnArY"], caplog, capfd)


def test_a_clock_that_is_off_is_not_a_wrong_key(cloud: Volcengine) -> None:
    cloud.now = lambda: datetime.now(UTC) - timedelta(hours=1)
    with pytest.raises(ClockSkew, match="The Signature of the request is expired"):
        asked()


@pytest.mark.parametrize(
    "answer",
    [
        Response(429),
        Response(503),
        Response(200, body=b"<html>"),
        Response(200, body=b"[1]"),
        Response.json({"ResponseMetadata": {}, "Result": {}}),
    ],
)
def test_an_answer_that_says_nothing_of_the_key_is_said_to_be_that(
    monkeypatch: pytest.MonkeyPatch, answer: Response
) -> None:
    def service(_: Request) -> Response:
        return answer

    with clouds({HOST: service}) as env:
        settle(monkeypatch, env)
        with pytest.raises(Inconclusive):
            asked()


def test_the_sdk_leaves_no_handler_behind_that_prints(cloud: Volcengine) -> None:
    asked()
    left = [*logging.getLogger("urllib3").handlers, *logging.getLogger("volcenginesdkcore").handlers]
    assert {type(handler) for handler in left} == {logging.NullHandler}

"""Baidu AI Cloud tells whose a key is, to the official SDK, and refuses in its own words."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from credentials.identity import ClockSkew, Identity, Inconclusive, Rejected, verify
from tests.credentials.identity.asking import assert_nothing_told, secrets, settle
from tests.emulators.baiducloud import ISSUED_SECRET, ISSUED_TOKEN, BaiduCloud
from tests.emulators.proxy import Clouds, Request, Response, clouds
from tests.emulators.signing import Key

# The SDKs take the time with utcnow(), which Python 3.12 warns of.
pytestmark = pytest.mark.filterwarnings("ignore:datetime.datetime.utc:DeprecationWarning")

HOSTS = ("sts.bj.baidubce.com", "dns.baidubce.com", "certificate.baidubce.com")
SECRET, WRONG = "cAnArY-sk-44e0", "cAnArY-wrong"
KEY = Key("04795b2a1d12490bbee94511b7b78d7e", SECRET, principal="dc9b5191440d4f93851ddffb4e942b75")
FIELDS = {"access-key": KEY.id, "secret-key": SECRET}


@pytest.fixture
def cloud() -> BaiduCloud:
    return BaiduCloud([KEY])


@pytest.fixture(autouse=True)
def env(monkeypatch: pytest.MonkeyPatch, cloud: BaiduCloud) -> Iterator[Clouds]:
    with clouds(dict.fromkeys(HOSTS, cloud)) as made:
        settle(monkeypatch, made)
        yield made


def asked(fields: Mapping[str, str] = FIELDS) -> Identity:
    return verify("baiducloud", secrets(fields), timeout=5)


def test_a_key_is_told_whose_it_is_and_what_it_can() -> None:  # B9
    assert asked() == Identity(
        account="",
        principal="dc9b5191440d4f93851ddffb4e942b75",
        detail={"can": "apply: list DNS zones; deploy: list certificates"},
    )


def test_the_temporary_key_that_it_hands_out_can_do_next_to_nothing_and_is_dropped(
    env: Clouds, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    told = asked()
    (asked_for,) = [request for request in env.requests if request.path == "/v1/sessionToken"]
    (allowed,) = json.loads(asked_for.body)["accessControlList"]
    assert (asked_for.parameters["durationSeconds"], allowed["permission"]) == ("60", ["READ"])
    said = f"{told} {[record.getMessage() for record in caplog.records]} {capfd.readouterr()}"
    assert [canary for canary in (SECRET, ISSUED_SECRET, ISSUED_TOKEN) if canary in said] == []


def test_what_its_policies_do_not_allow_is_said(cloud: BaiduCloud) -> None:  # B9
    cloud.keys[KEY.id] = replace(KEY, denied=frozenset({"zones"}))
    assert asked().cannot == ("apply: list DNS zones",)


def test_a_key_that_may_not_even_ask_who_it_is_is_right_all_the_same(cloud: BaiduCloud) -> None:
    cloud.keys[KEY.id] = replace(KEY, denied=frozenset({"session"}))
    assert asked().cannot == ("tell who it is (sts:GetSessionToken)",)


@pytest.mark.parametrize("disabled", [True, False])
def test_an_unknown_key_and_a_disabled_one_are_rejected(cloud: BaiduCloud, disabled: bool) -> None:
    cloud.keys = {KEY.id: replace(KEY, disabled=True)} if disabled else {}
    with pytest.raises(Rejected, match=r"InvalidAccessKeyId: .* records\. \(request 5a63903e"):
        asked()


def test_a_wrong_secret_is_rejected_and_never_repeated(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(Rejected, match="SignatureDoesNotMatch") as caught:
        asked({**FIELDS, "secret-key": WRONG})
    assert_nothing_told(caught.value, ["cAnArY"], caplog, capfd)


@pytest.mark.parametrize("hours", [1, -1])
def test_a_clock_that_is_off_is_not_a_wrong_key(cloud: BaiduCloud, hours: int) -> None:
    cloud.now = lambda: datetime.now(UTC) + timedelta(hours=hours)
    with pytest.raises(ClockSkew, match="Request has expired"):
        asked()


def test_everything_goes_through_the_proxy_that_the_environment_names_and_over_tls(env: Clouds) -> None:
    asked()
    assert [request.host for request in env.requests] == list(HOSTS)
    assert env.refused == []


@pytest.mark.parametrize(
    "answer", [Response(429), Response(503), Response(200, body=b"<html>"), Response(500)]
)
def test_an_answer_that_says_nothing_of_the_key_is_said_to_be_that(
    monkeypatch: pytest.MonkeyPatch, answer: Response
) -> None:
    def service(_: Request) -> Response:
        return Response(answer.status, {**answer.headers, "connection": "close"}, answer.body)

    with clouds({HOSTS[0]: service}) as env:
        settle(monkeypatch, env)
        with pytest.raises(Inconclusive):
            asked()

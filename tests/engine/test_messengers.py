"""Messages through chat bots: signed as the service asks, its answer read, the address said nowhere."""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import pytest

from credentials.secret import SecretBytes
from engine import messengers
from tests.emulators.messengers import DingTalk, Feishu, WeChatWork, hosts
from tests.emulators.proxy import Clouds, Response, clouds

TOKEN, SECRET = "canarytoken0123456789", "SECcanarysecret0123456789"
FIELDS: Mapping[str, dict[str, str]] = {
    "dingtalk": {"token": TOKEN, "secret": SECRET},
    "feishu": {"token": TOKEN, "secret": SECRET},
    "wechat-work": {"key": TOKEN},
}
Bot = DingTalk | Feishu | WeChatWork


def bot(kind: str, token: str = TOKEN, secret: str = SECRET) -> Bot:
    if kind == "wechat-work":
        return WeChatWork(token)
    return DingTalk(token, secret) if kind == "dingtalk" else Feishu(token, secret)


@contextmanager
def service(kind: str, made: Bot, monkeypatch: pytest.MonkeyPatch) -> Iterator[Clouds]:
    with clouds(hosts({kind: made})) as env, monkeypatch.context() as patch:
        for name, value in env.items():
            patch.setenv(name, value)
        yield env


def send(kind: str, text: str = "a message", title: str = "", **fields: str) -> str:
    given = {name: SecretBytes(value.encode()) for name, value in (fields or FIELDS[kind]).items()}
    return messengers.send(kind, given, text, title)


@pytest.mark.parametrize("kind", FIELDS)
def test_a_message_arrives_signed_where_the_service_asks_for_it(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """B6."""
    made = bot(kind)
    with service(kind, made, monkeypatch) as env:
        assert send(kind, "Grüße <&>", "up of site/dev is done") == ""
        assert send(kind, "+/=&?#") == ""
        assert env.refused == []
    assert [text.splitlines() for text in made.heard] == [["up of site/dev is done", "Grüße <&>"], ["+/=&?#"]]


@pytest.mark.parametrize("kind", ["dingtalk", "feishu"])
def test_a_bot_without_a_secret_is_not_signed_for(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    made = bot(kind, secret="")
    with service(kind, made, monkeypatch) as env:
        assert send(kind, token=TOKEN) == ""
        assert "sign" not in env.requests[0].query + env.requests[0].body.decode()


@pytest.mark.parametrize("kind", ["dingtalk", "feishu"])
@pytest.mark.parametrize("fields", [{"token": TOKEN}, {"token": TOKEN, "secret": "another"}])
def test_a_wrong_signature_is_refused_and_said(
    kind: str, fields: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = bot(kind)
    with service(kind, made, monkeypatch):
        why = send(kind, **fields)
    assert made.heard == []
    assert "sign" in why
    assert TOKEN not in why
    assert ("310000" if kind == "dingtalk" else "19021") in why


@pytest.mark.parametrize("kind", FIELDS)
def test_a_service_that_repeats_the_token_does_not_get_it_shown(
    kind: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """C2. A refusal has the status 200 there."""
    caplog.set_level(logging.DEBUG)
    with service(kind, bot(kind, token="another"), monkeypatch):
        why = send(kind)
    assert "***" in why
    out, err = capfd.readouterr()
    logged = [one.getMessage() for one in caplog.records]
    assert TOKEN not in why + out + err + "".join(logged)
    assert SECRET not in why + out + err + "".join(logged)


def test_a_keyword_that_is_not_said_is_named_by_the_service(monkeypatch: pytest.MonkeyPatch) -> None:
    with service("dingtalk", DingTalk(TOKEN, SECRET, keyword="deploy"), monkeypatch):
        assert "keywords not in content" in send("dingtalk")


@pytest.mark.parametrize("kind", FIELDS)
def test_a_service_that_can_not_be_reached_is_said_without_its_address(
    kind: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    with clouds({"another.example.test": lambda _: Response()}) as env:
        for name, value in env.items():
            monkeypatch.setenv(name, value)
        why = send(kind)
    out, err = capfd.readouterr()
    assert why
    assert out == err == ""
    assert TOKEN not in why


@pytest.mark.parametrize(
    "answer", [Response(502, body=b"<html>bad gateway</html>"), Response(200, body=b"[]"), Response.json({})]
)
def test_an_answer_that_is_none_is_no_success(answer: Response, monkeypatch: pytest.MonkeyPatch) -> None:
    with clouds({"qyapi.weixin.qq.com": lambda _: answer}) as env:
        for name, value in env.items():
            monkeypatch.setenv(name, value)
        assert f"HTTP status {answer.status}" in send("wechat-work")


def test_a_redirect_takes_the_message_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    away = Response(307, {"location": "https://elsewhere.example.test/"})
    with clouds({"qyapi.weixin.qq.com": lambda _: away}) as env:
        for name, value in env.items():
            monkeypatch.setenv(name, value)
        assert "HTTP status 307" in send("wechat-work")
        assert env.refused == []


def test_a_file_of_certificates_that_is_not_there_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/no/such/file.pem")
    assert send("feishu") == "there are no CA certificates in /no/such/file.pem"


@pytest.mark.parametrize("kind", FIELDS)
def test_a_token_that_apprise_does_not_take_is_not_shown(
    kind: str, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    fields = dict.fromkeys(FIELDS[kind], f"{TOKEN} with blanks")
    assert send(kind, **fields) == f"apprise takes no such {next(iter(fields))}"
    assert TOKEN not in "".join(capfd.readouterr()) + caplog.text

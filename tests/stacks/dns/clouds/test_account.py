"""A cloud's answers and silences, whichever cloud it is: what is told, and what is kept quiet."""

import base64
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import pytest

from stacks.dns.clouds import account, publisher, tencentcloud
from stacks.dns.clouds.account import CloudRecords, parents
from stacks.dns.clouds.signing import Keys, KeysMalformed
from stacks.dns.publisher import ProviderFailed, Record
from stacks.dns.record import Challenge
from stacks.dns.way_out import WayUnusable
from tests.emulators import (
    alicloud_dns,
    baiducloud_dns,
    huaweicloud_dns,
    jdcloud_dns,
    tencentcloud_dns,
    volcengine_dns,
)
from tests.emulators.proxy import Clouds, Request, Response, clouds
from tests.emulators.signing import Key

TOKEN = "canary-session-token-" + "t" * 40
KEY = Key("AKIDEXAMPLE", "canary-secret-of-the-key-0123456789", "1", "alice", token=TOKEN)
KEYS = Keys(KEY.id, KEY.secret, KEY.token)
MAKERS: dict[str, tuple[str, Callable[..., Any]]] = {
    "alicloud": (alicloud_dns.HOST, alicloud_dns.Alidns),
    "baiducloud": (baiducloud_dns.HOST, baiducloud_dns.BaiduCloudDns),
    "huaweicloud": (huaweicloud_dns.HOST, huaweicloud_dns.HuaweiCloudDns),
    "jdcloud": (jdcloud_dns.HOST, jdcloud_dns.JdCloudDns),
    "tencentcloud": (tencentcloud_dns.HOST, tencentcloud_dns.Dnspod),
    "volcengine": (volcengine_dns.HOST, volcengine_dns.VolcengineDns),
}

# More than are on a page of those clouds whose pages are as large as they are asked for.
MANY = {
    "alicloud": alicloud_dns.MOST_RECORDS + 1,
    "jdcloud": jdcloud_dns.LARGEST_PAGE + 1,
    "tencentcloud": tencentcloud.PAGE_SIZE + 1,
}


def record(name: str = "_acme-challenge.example.test", token: str = "one") -> Record:  # noqa: S107
    return Record(Challenge("example.test", token, f"{token}.thumbprint"), name)


def client(kind: str, env: Clouds, keys: Keys = KEYS, seconds: float = 5.0) -> CloudRecords:
    return publisher(kind, keys, machine=env, alone=lambda name: nullcontext(), seconds=seconds)


@pytest.fixture(params=MAKERS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def api(kind: str) -> Any:
    return MAKERS[kind][1]([KEY], named=("example.test", "deep.example.test"))


@pytest.fixture
def env(kind: str, api: Any) -> Iterator[Clouds]:
    with clouds({MAKERS[kind][0]: lambda request: api(request)}) as made:
        yield made


def test_a_temporary_key_publishes(kind: str, api: Any, env: Clouds) -> None:  # A5
    with_token = client(kind, env)
    with_token.perform(record())
    assert api.txt() == {record().name: [record().value]}
    api.keys[KEY.id] = replace(KEY, token="another")
    with pytest.raises(ProviderFailed) as refused:
        with_token.perform(record(token="two"))
    assert TOKEN not in str(refused.value)
    with_token.close()


def test_performing_twice_makes_one_record_and_withdrawing_what_is_gone_is_no_fault(
    kind: str, api: Any, env: Clouds
) -> None:
    one, another = client(kind, env), client(kind, env)
    one.perform(record())
    another.perform(record())
    assert api.txt() == {record().name: [record().value]}
    another.cleanup(record())  # it did not publish it, and no process remembers anything
    assert record().value not in api.txt().get(record().name, [])
    one.cleanup(record())
    one.close()
    another.close()


def test_a_value_is_found_behind_pages_of_others(kind: str, api: Any, env: Clouds) -> None:
    for number in range(MANY.get(kind, 5)):
        others = f"theirs {number}"
        if kind == "huaweicloud":
            api.put("example.test", f"{number}._acme-challenge.example.test", others)
        else:
            api.put("example.test", "_acme-challenge", others)
    before = api.txt()
    asks = client(kind, env)
    asks.perform(record())
    assert record().value in api.txt()[record().name]
    asks.cleanup(record())
    assert api.txt() == before
    asks.close()


def test_the_zone_is_the_longest_that_holds_the_name(kind: str, api: Any, env: Clouds) -> None:
    name = "_acme-challenge.www.deep.example.test"
    asks = client(kind, env)
    asks.perform(record(name))
    assert api.txt() == {name: [record().value]}
    asks.perform(record("deep.example.test"))
    assert {one.rstrip(".").removeprefix("@.") for one in api.txt()} == {name, "deep.example.test"}
    asks.close()


def test_a_zone_is_asked_for_once(kind: str, api: Any, env: Clouds) -> None:
    asks = client(kind, env)
    asks.perform(record())
    before = len(env.requests)
    asks.cleanup(record())
    asks.perform(record())
    zones = ("dns:zone:list", "dns:ListZones", "domainservice:describeDomains")
    assert not set(zones) & {action for _, action in api.calls[before:]}
    if kind == "baiducloud":  # its permissions are not one for each call
        assert not any(request.path == "/v1/dns/zone" for request in env.requests[before:])
    asks.close()


def test_each_call_is_encrypted_and_goes_through_the_machines_proxy(kind: str, api: Any) -> None:
    with clouds({MAKERS[kind][0]: api}) as env:
        login = env["HTTPS_PROXY"].replace("http://", "http://me:canary-proxy-password@")
        machine = {"HTTPS_PROXY": login, "SSL_CERT_FILE": env["SSL_CERT_FILE"]}
        asks = publisher(kind, KEYS, machine=machine, alone=lambda name: nullcontext(), seconds=5.0)
        asks.perform(record())
        assert env.requests
        asks.close()
        for changed in ({"SSL_CERT_FILE": ""}, {"HTTPS_PROXY": login.rpartition(":")[0] + ":9"}):
            lost = publisher(kind, KEYS, machine={**machine, **changed}, alone=lambda name: nullcontext())
            with pytest.raises(ProviderFailed) as failed:
                lost.perform(record())
            assert "canary" not in f"{failed.value}{failed.value.hint}"
            assert failed.value.untouched
            lost.close()


@pytest.mark.parametrize(
    "machine",
    [
        {"SSL_CERT_FILE": "/nonexistent/ca.pem"},
        {"SSL_CERT_FILE": __file__},
        {"HTTPS_PROXY": "socks5://me:canary-proxy-password@127.0.0.1:1"},
        {"HTTPS_PROXY": "http://me:canary-proxy-password@[::1"},
        {"https_proxy": "http://me:canary-proxy-password@127.0.0.1:port"},
    ],
    ids=["no file", "no certificates", "a scheme", "a bracket", "a port"],
)
def test_a_way_that_cant_be_gone_is_told_before_anything_is_asked(machine: dict[str, str]) -> None:
    with pytest.raises(WayUnusable) as refused:
        publisher("jdcloud", KEYS, machine=machine, alone=lambda name: nullcontext())
    assert "canary" not in f"{refused.value}{refused.value.hint}"
    assert refused.value.__cause__ is None or "canary" not in str(refused.value.__cause__)


@pytest.mark.parametrize("odd", ["a b", "a\nb", "a\0", "schlüssel", "\u202e"])
def test_a_key_that_no_header_can_hold_is_told_and_not_shown(odd: str) -> None:
    for identifier, token in ((odd, ""), ("id", odd)):
        with pytest.raises(KeysMalformed) as refused:
            Keys(identifier, "secret", token)
        assert odd not in str(refused.value)


@pytest.mark.parametrize(
    "answer",
    [
        Response(200, {}, b"<html>a portal</html>"),
        Response(200, {}, b"[" * 100_000),
        Response(502, {}, b"bad gateway"),
        Response(302, {"location": "https://elsewhere.test/"}),
        Response.json({"error": None, "zones": None, "ResponseMetadata": {"Error": {}}}, 500),
    ],
    ids=["a web page", "a deep nest", "a gateway's fault", "a redirection", "an odd refusal"],
)
def test_what_is_no_answer_of_the_clouds_is_one_clear_error(kind: str, answer: Response) -> None:
    asked: list[Request] = []

    def service(request: Request) -> Response:
        asked.append(request)
        return answer

    with clouds({MAKERS[kind][0]: service}) as env:
        asks = client(kind, env)
        with pytest.raises(ProviderFailed) as failed:
            asks.perform(record())
        assert failed.value.hint
        assert KEY.secret not in str(failed.value)
        assert env.refused == []
        asks.close()


@pytest.mark.parametrize(
    "answer",
    [
        Response(429),
        Response.json({"Code": "Throttling.User", "Message": "flow control"}, 400),
        Response.json({"Response": {"Error": {"Code": "RequestLimitExceeded", "Message": "20 a second"}}}),
    ],
    ids=["by the status", "Alibaba", "Tencent"],
)
def test_a_call_that_comes_too_soon_is_made_again(monkeypatch: pytest.MonkeyPatch, answer: Response) -> None:
    monkeypatch.setattr(account, "PAUSES", (0.001,) * 3)
    api = tencentcloud_dns.Dnspod([KEY], named=("example.test",))
    refused: list[Request] = []

    def busy(request: Request) -> Response:
        refused.append(request)
        return answer if len(refused) % 4 else api(request)

    kind = "alicloud" if b"Throttling" in answer.body else "tencentcloud"
    with clouds({MAKERS[kind][0]: busy}) as env:
        asks = client(kind, env)
        if kind == "tencentcloud":
            asks.perform(record())
            assert api.txt() == {record().name: [record().value]}
        refused[:] = []
        monkeypatch.setattr(account, "PAUSES", (0.001,) * 2)
        with pytest.raises(ProviderFailed) as failed:
            asks.cleanup(record())
        assert len(refused) == 3
        assert "wait until the cloud takes calls again" in failed.value.hint
        asks.close()


def test_a_refusal_keeps_the_keys_that_it_quotes_to_itself(kind: str) -> None:
    quoted = base64.b64encode(KEY.token.encode()).decode()
    said = f"signed with {KEY.secret}, token {KEY.token} or {quoted}"
    answer = Response.json({"code": "SignatureDoesNotMatch", "message": said}, 400)
    with clouds({MAKERS[kind][0]: lambda request: answer}) as env:
        asks = client(kind, env)
        with pytest.raises(ProviderFailed) as failed:
            asks.perform(record())
        assert "SignatureDoesNotMatch" in str(failed.value)
        assert not {KEY.secret, KEY.token, quoted} & set(str(failed.value).split())
        assert "canary" not in f"{failed.value!r} {asks!r} {KEYS!r}"
        asks.close()


def test_every_domain_above_a_name_may_be_its_zone_but_no_top_level_domain() -> None:
    assert list(parents("a.b.example.test")) == ["a.b.example.test", "b.example.test", "example.test"]

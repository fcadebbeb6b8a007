"""The tests' own clouds: nothing else is reached, and what reaches them is what was sent."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import certifi
import pytest
import requests

from tests.emulators.proxy import Clouds, Request, Response, clouds


def echo(request: Request) -> Response:
    return Response.json(
        {
            "method": request.method,
            "host": request.host,
            "path": request.path,
            "query": request.query,
            "body": request.body.decode(),
            "type": request.headers.get("content-type"),
        }
    )


@pytest.fixture
def env() -> Iterator[Clouds]:
    with clouds({"sts.example.test": echo, "other.example.test": lambda _: Response(204)}) as made:
        yield made


def ask(env: Clouds, url: str, **more: Any) -> requests.Response:
    with requests.Session() as session:
        session.trust_env = False
        return session.request(
            "POST", url, proxies={"https": env["HTTPS_PROXY"], "http": env["HTTP_PROXY"]},
            verify=env["SSL_CERT_FILE"], timeout=10, **more,
        )  # fmt: skip


def test_a_host_of_the_test_answers_over_https(env: Clouds) -> None:
    answer = ask(env, "https://sts.example.test/a%2Fb?x=1&x=2", data=b"body", headers={"content-type": "t"})
    assert answer.json() == {
        "method": "POST", "host": "sts.example.test", "path": "/a%2Fb", "query": "x=1&x=2",
        "body": "body", "type": "t",
    }  # fmt: skip
    assert [request.body for request in env.requests] == [b"body"]


def test_each_host_has_its_own_handler_and_connections_are_kept(env: Clouds) -> None:
    with requests.Session() as session:
        session.trust_env = False
        session.proxies, session.verify = {"https": env["HTTPS_PROXY"]}, env["SSL_CERT_FILE"]
        for _ in range(3):
            assert session.get("https://other.example.test/", timeout=10).status_code == 204
            assert session.get("https://sts.example.test/", timeout=10).json()["method"] == "GET"
    assert len(env.requests) == 6


def test_a_body_in_chunks_arrives_whole(env: Clouds) -> None:
    answer = ask(env, "https://sts.example.test/", data=iter([b"one ", b"two"]))
    assert answer.json()["body"] == "one two"


def test_any_other_host_is_refused_and_remembered(env: Clouds) -> None:
    with pytest.raises(requests.exceptions.ProxyError, match="403"):
        ask(env, "https://elsewhere.example.test/")
    assert ask(env, "http://plain.example.test/").status_code == 403
    assert env.refused == ["elsewhere.example.test", "plain.example.test"]
    assert env.requests == []


def test_a_client_that_trusts_another_ca_gets_no_answer(env: Clouds) -> None:
    with pytest.raises(requests.exceptions.SSLError):
        ask(Clouds({}, env["HTTPS_PROXY"], Path(certifi.where())), "https://sts.example.test/")
    assert env.requests == []


def test_a_handler_that_fails_fails_the_test() -> None:
    def wrong(request: Request) -> Response:
        raise AssertionError("a wrong signature")

    with pytest.raises(AssertionError, match="a wrong signature"), clouds({"a.example.test": wrong}) as env:
        assert ask(env, "https://a.example.test/").status_code == 500

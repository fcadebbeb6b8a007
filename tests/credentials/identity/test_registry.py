"""A container registry, and its token server, tell whether they take a user name and a password."""

import base64
from collections.abc import Mapping

import pytest

from credentials.identity import Identity, Inconclusive, NotVerifiable, Rejected, verify
from tests.credentials.identity.asking import assert_nothing_told, secrets, settle
from tests.emulators.proxy import Request, Response, clouds
from tests.emulators.registry import BasicRegistry, TokenRegistry

HOST, AUTH = "registry.example.test", "auth.example.test"
PASSWORD, WRONG = "cAnArY-pw-1c22", "cAnArY-wrong"
FIELDS = {"server": HOST, "username": "alice", "password": PASSWORD}
HEADER = base64.b64encode(f"alice:{PASSWORD}".encode()).decode()
WRONG_HEADER = base64.b64encode(f"alice:{WRONG}".encode()).decode()


def asked(fields: Mapping[str, str]) -> Identity:
    return verify("container-registry", secrets(fields), timeout=5)


def test_a_registry_that_asks_itself_takes_the_password(monkeypatch: pytest.MonkeyPatch) -> None:  # B9
    with clouds({HOST: BasicRegistry({"alice": PASSWORD})}) as env:
        settle(monkeypatch, env)
        assert asked(FIELDS) == Identity(HOST, "alice", {"asked": HOST})


def test_a_token_servers_token_is_shown_to_the_registry(monkeypatch: pytest.MonkeyPatch) -> None:  # B9
    made = TokenRegistry({"alice": PASSWORD}, f"https://{AUTH}/token", "a registry")
    with clouds({HOST: made.registry, AUTH: made.token_server}) as env:
        settle(monkeypatch, env)
        assert asked(FIELDS) == Identity(HOST, "alice", {"asked": AUTH})
        sent = [(one.host, "Basic" in one.headers.get("authorization", "")) for one in env.requests]
    assert sent == [(HOST, False), (AUTH, True), (HOST, False)], "the password goes to one of the two"


@pytest.mark.parametrize("name", ["docker.io", "index.docker.io", "Hub.Docker.com"])
def test_docker_hub_is_found_under_its_names(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    made = TokenRegistry({"alice": PASSWORD}, "https://auth.docker.io/token", "registry.docker.io")
    with clouds({"registry-1.docker.io": made.registry, "auth.docker.io": made.token_server}) as env:
        settle(monkeypatch, env)
        assert asked({**FIELDS, "server": name}).account == name.lower()


@pytest.mark.parametrize("by", ["the registry", "the token server"])
def test_a_wrong_password_is_rejected_and_never_repeated(
    monkeypatch: pytest.MonkeyPatch,
    by: str,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    tokens = TokenRegistry({"alice": PASSWORD}, f"https://{AUTH}/token", "a registry")
    registry = BasicRegistry({"alice": PASSWORD}) if by == "the registry" else tokens.registry
    with clouds({HOST: registry, AUTH: tokens.token_server}) as env:
        settle(monkeypatch, env)
        with pytest.raises(Rejected, match="HTTP 401") as caught:
            asked({**FIELDS, "password": WRONG})
    assert_nothing_told(caught.value, ["cAnArY", WRONG_HEADER], caplog, capfd)


CHALLENGES = {
    'Bearer realm="http://auth.example.test/token"': "can be read on the way",
    'Bearer realm="https://a:b@auth.example.test/token"': "has a user name in it",
    'Bearer realm="https://127.0.0.1\\@auth.example.test/"': "no https://",
    'Digest realm="r"': "another way to log in",
    "": "another way to log in",
}


@pytest.mark.parametrize("challenge", CHALLENGES)
def test_the_password_is_sent_nowhere_that_is_not_asked_for_it_over_tls(
    monkeypatch: pytest.MonkeyPatch, challenge: str
) -> None:
    def registry(_: Request) -> Response:
        return Response(401, {"WWW-Authenticate": challenge})

    with clouds({HOST: registry, AUTH: registry}) as env:
        settle(monkeypatch, env)
        with pytest.raises(NotVerifiable, match=CHALLENGES[challenge]):
            asked(FIELDS)
        assert [request for request in env.requests if HEADER in str(request)] == []
        assert [request.host for request in env.requests] == [HOST]


def test_a_redirect_is_not_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    def registry(request: Request) -> Response:
        if "authorization" not in request.headers:
            return Response(401, {"WWW-Authenticate": 'Basic realm="r"'})
        return Response(307, {"Location": f"https://{AUTH}/v2/"})

    with clouds({HOST: registry, AUTH: registry}) as env:
        settle(monkeypatch, env)
        with pytest.raises(Inconclusive, match="HTTP 307"):
            asked(FIELDS)
        assert {request.host for request in env.requests} == {HOST}


def test_a_registry_that_lets_everybody_in_tells_nothing_of_a_password(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with clouds({HOST: lambda _: Response.json({})}) as env:
        settle(monkeypatch, env)
        with pytest.raises(NotVerifiable, match="lets everybody in"):
            asked(FIELDS)


@pytest.mark.parametrize("answer", [Response(404), Response(429), Response(503), Response(302)])
def test_what_is_no_registry_is_said_to_be_none(monkeypatch: pytest.MonkeyPatch, answer: Response) -> None:
    with clouds({HOST: lambda _: answer}) as env:
        settle(monkeypatch, env)
        with pytest.raises(Inconclusive, match=f"HTTP {answer.status}"):
            asked(FIELDS)


def test_a_token_server_that_gives_none_and_a_token_that_the_registry_does_not_take(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = TokenRegistry({"alice": PASSWORD}, f"https://{AUTH}/token", "a registry")
    for given in ({}, {"token": 1}, {"token": "of\nanother"}, {"access_token": "stale"}):
        with clouds({HOST: made.registry, AUTH: lambda _, said=given: Response.json(said)}) as env:  # type: ignore[misc]
            settle(monkeypatch, env)
            with pytest.raises(Inconclusive):
                asked(FIELDS)

"""A server of one's own tells whether it takes a user name and a password; Jenkins also who that is."""

import base64
from collections.abc import Mapping

import pytest

from credentials.identity import Identity, Inconclusive, NotVerifiable, Rejected, Unreachable, verify
from tests.credentials.identity.asking import assert_nothing_told, secrets, settle
from tests.emulators.jenkins import Jenkins, Protected
from tests.emulators.proxy import Handler, Request, Response, clouds

HOST = "build.example.test"
PASSWORD, WRONG = "cAnArY-pw-8ba3", "cAnArY-wrong"
PAGE = {"username": "alice", "password": PASSWORD, "url": f"https://{HOST}/repository/"}
JENKINS = {"username": "alice", "api-token": PASSWORD, "url": f"https://{HOST}/ci/"}
HEADERS = [base64.b64encode(f"alice:{one}".encode()).decode() for one in (PASSWORD, WRONG)]


def asked(kind: str, fields: Mapping[str, str]) -> Identity:
    return verify(kind, secrets(fields), timeout=5)


@pytest.mark.parametrize("kind", ["username-password", "maven-settings"])
def test_a_page_that_refuses_without_the_password_alone_tells_that_it_is_right(
    monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:  # B9
    fields = {**PAGE, "server-id": "central"} if kind == "maven-settings" else PAGE
    with clouds({HOST: Protected({"alice": PASSWORD})}) as env:
        settle(monkeypatch, env)
        assert asked(kind, fields) == Identity(HOST, "alice", {})
        assert ["authorization" in request.headers for request in env.requests] == [False, True]


def test_jenkins_tells_who_it_is(monkeypatch: pytest.MonkeyPatch) -> None:  # B9
    with clouds({HOST: Jenkins({"alice": PASSWORD}, "/ci")}) as env:
        settle(monkeypatch, env)
        assert asked("jenkins", JENKINS) == Identity(HOST, "alice", {"groups": "authenticated, deployers"})


@pytest.mark.parametrize("kind", ["username-password", "jenkins"])
def test_a_wrong_password_is_rejected_and_never_repeated(
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    server: Handler = Jenkins({"alice": PASSWORD}, "/ci")
    fields = {**JENKINS, "api-token": WRONG}
    if kind != "jenkins":
        server, fields = Protected({"alice": PASSWORD}), {**PAGE, "password": WRONG}
    with clouds({HOST: server}) as env:
        settle(monkeypatch, env)
        with pytest.raises(Rejected, match="HTTP 401: wrong user name") as caught:
            asked(kind, fields)
    assert_nothing_told(caught.value, ["cAnArY", *HEADERS], caplog, capfd)


def test_a_jenkins_that_takes_anybody_for_anonymous_does_not_know_the_user(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with clouds({HOST: lambda _: Jenkins.told("anonymous", [])}) as env:
        settle(monkeypatch, env)
        with pytest.raises(Rejected, match="Jenkins does not know this user"):
            asked("jenkins", JENKINS)


def test_a_user_who_may_not_see_the_page_has_the_right_password(monkeypatch: pytest.MonkeyPatch) -> None:
    with clouds({HOST: Protected({"alice": PASSWORD}, frozenset({"alice"}))}) as env:
        settle(monkeypatch, env)
        assert asked("username-password", PAGE).cannot == ("open /repository/",)


@pytest.mark.parametrize("kind", ["username-password", "maven-settings", "jenkins"])
def test_no_password_is_sent_in_the_clear(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    fields = {**PAGE, "api-token": PASSWORD, "url": f"http://{HOST}/"}
    with clouds({HOST: Protected({"alice": PASSWORD})}) as env:
        settle(monkeypatch, env)
        with pytest.raises(NotVerifiable, match=f"what is sent to http://{HOST} can be read on the way"):
            asked(kind, fields)
        assert (env.requests, env.refused) == ([], [])


def test_on_this_machine_itself_it_may_be_in_the_clear() -> None:
    with pytest.raises(Unreachable, match="the connection is refused"):
        asked("username-password", {**PAGE, "url": "http://127.0.0.1:1/"})


ODD_URLS = {
    f"https://alice:secret@{HOST}/": "has a user name in it",
    f"https://127.0.0.1\\@{HOST}/": "no https://host/path",
    "https:///path": "no https://host/path",
    f"ftp://{HOST}/": "no https://host/path",
    f"https://{HOST}:port/": "its url is none",
    "https://[::1/": "its url is none",
}


@pytest.mark.parametrize("url", ODD_URLS)
def test_a_url_that_two_readers_may_read_differently_is_refused(
    monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    with clouds({HOST: Protected({})}) as env:
        settle(monkeypatch, env)
        for kind in ("username-password", "jenkins"):
            with pytest.raises(NotVerifiable, match=ODD_URLS[url]):
                asked(kind, {**PAGE, "api-token": PASSWORD, "url": url})
        assert env.requests == []


def test_a_redirect_is_not_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    def server(request: Request) -> Response:
        if "authorization" not in request.headers:
            return Response(401, {"WWW-Authenticate": "Basic realm=r"})
        return Response(302, {"Location": "https://elsewhere.example.test/"})

    with clouds({HOST: server, "elsewhere.example.test": server}) as env:
        settle(monkeypatch, env)
        assert asked("username-password", PAGE).principal == "alice"
        assert {request.host for request in env.requests} == {HOST}


def test_a_netrc_of_this_machine_adds_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    (netrc := tmp_path / "netrc").write_text(f"machine {HOST} login bob password other\n")  # type: ignore[operator]
    with clouds({HOST: Protected({"bob": "other"})}) as env:
        settle(monkeypatch, {**env, "NETRC": str(netrc)})
        with pytest.raises(Rejected):
            asked("username-password", PAGE)


NOTHING_TO_LEARN = {
    "another way": (Response(401, {"WWW-Authenticate": "Bearer realm=basic"}), "another way to log in"),
    "everybody": (Response(200), r"does not ask for a password at its url \(HTTP 200\)"),
    "a page to log in": (Response(302, {"Location": "/login"}), r"\(HTTP 302\)"),
}


@pytest.mark.parametrize("what", NOTHING_TO_LEARN)
def test_a_server_that_tells_nothing_of_a_password_never_gets_it(
    monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    answer, words = NOTHING_TO_LEARN[what]
    with clouds({HOST: lambda _: answer}) as env:
        settle(monkeypatch, env)
        with pytest.raises(NotVerifiable, match=words):
            asked("username-password", PAGE)
        assert ["authorization" in request.headers for request in env.requests] == [False]


@pytest.mark.parametrize("kind", ["username-password", "jenkins"])
@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_fault_of_the_server_is_not_the_credentials(
    monkeypatch: pytest.MonkeyPatch, kind: str, status: int
) -> None:
    with clouds({HOST: lambda _: Response(status)}) as env:
        settle(monkeypatch, env)
        with pytest.raises(Inconclusive, match=f"HTTP {status}"):
            asked(kind, JENKINS if kind == "jenkins" else PAGE)


def test_what_has_no_url_has_nobody_to_ask() -> None:
    with pytest.raises(NotVerifiable, match="it has no url"):
        asked("username-password", {"username": "alice", "password": PASSWORD})
    with pytest.raises(NotVerifiable, match=r"its settings\.xml may name many servers"):
        asked("maven-settings", {"settings": "<settings/>"})


def test_a_user_name_with_a_colon_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with clouds({HOST: Protected({})}) as env:
        settle(monkeypatch, env)
        with pytest.raises(NotVerifiable, match="colon"):
            asked("username-password", {**PAGE, "username": "a:b"})


def test_an_answer_is_read_up_to_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    with clouds({HOST: lambda _: Response(200, body=b" " * (2 << 20) + b"{}")}) as env:
        settle(monkeypatch, env)
        with pytest.raises(Inconclusive, match="no Jenkins answers"):
            asked("jenkins", JENKINS)

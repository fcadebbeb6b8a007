"""A metadata service is asked itself and at once, and its answers are kept from every text."""

import socket
import threading
from contextlib import closing

import pytest

from credentials.roles import Reason, SourceFailed
from credentials.roles.metadata import LONGEST_ANSWER, Answer, Metadata, checked, is_there
from tests.emulators.metadata import metadata
from tests.emulators.proxy import Request, Response


def keys(request: Request) -> Response:
    assert request.method == "GET"
    return Response.json({"path": f"{request.path}?{request.query}", "token": request.headers.get("x-token")})


def test_it_is_asked_without_the_proxy_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "")
    with metadata(keys) as service:
        got = Metadata(service.address).get("/latest?a=b", {"X-Token": "t"})
    assert got.json() == {"path": "/latest?a=b", "token": "t"}


def test_no_redirect_is_followed() -> None:
    with metadata(lambda _: Response(302, {"location": "/elsewhere"})) as service:
        assert Metadata(service.address).ask("/").status == 302
        with pytest.raises(SourceFailed, match="status 302"):
            Metadata(service.address).get("/")
    assert [request.path for request in service.requests] == ["/", "/"]


def test_an_answer_without_end_is_not_read_to_its_end() -> None:
    endless = Response(200, {}, b"x" * (LONGEST_ANSWER + 1))
    with metadata(lambda _: endless) as service, pytest.raises(SourceFailed, match="more than 64 KiB"):
        Metadata(service.address).get("/")


def test_nobody_there_is_a_missing_source() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        port = listening.getsockname()[1]
    with pytest.raises(SourceFailed, match="the connection is refused") as caught:
        Metadata(f"http://127.0.0.1:{port}").get("/")
    assert caught.value.reason is Reason.SOURCE_MISSING
    assert caught.value.__suppress_context__


def test_one_that_says_nothing_is_given_up() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        service = Metadata(f"http://127.0.0.1:{silent.getsockname()[1]}", seconds=0.02)
        with pytest.raises(SourceFailed, match=r"no answer within 0.02 s"):
            service.get("/")


def test_looking_for_one_ends_though_nobody_answers() -> None:
    never = threading.Event()
    assert not is_there(never.wait, seconds=0.01)
    never.set()
    assert is_there(never.wait)


def test_what_it_gives_is_in_no_representation() -> None:
    assert "cAnArY" not in repr(Answer(200, {"token": "cAnArY"}, b"cAnArY"))


@pytest.mark.parametrize("body", [b"", b"[1]", b"\xff", b"{", b"[" * 100_000])
def test_an_answer_that_is_no_object_is_refused(body: bytes) -> None:
    with pytest.raises(SourceFailed, match="no JSON object"):
        Answer(200, {}, body).json()


@pytest.mark.parametrize(
    "address",
    [
        "",
        "169.254.169.254",
        "ftp://host",
        "http://",
        "http://a/path",
        "http://u@a",
        "http://a b",
        "http://a:b",
    ],
)
def test_an_address_is_a_host(address: str) -> None:
    with pytest.raises(SourceFailed, match="no http://HOST"):
        checked(address)
    assert checked("http://[fd00:ec2::254]/") == "http://[fd00:ec2::254]"

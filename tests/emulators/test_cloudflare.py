"""The emulated Cloudflare knows whom it answers."""

from collections.abc import Mapping

import pytest

from tests.emulators.cloudflare import HOST, PREFIX, Cloudflare, Token, User
from tests.emulators.proxy import Request

TOKEN = Token("t1", "0123456789012345678901234567890123456789")
USER = User("u1", "ops@example.com", "ca9a41" + "0" * 31)
BEARER = {"authorization": f"Bearer {TOKEN.value}"}
KEY = {"x-auth-email": USER.email, "x-auth-key": USER.key}


def status(path: str, headers: Mapping[str, str], method: str = "GET") -> int:
    return Cloudflare(TOKEN, USER)(Request(method, HOST, PREFIX + path, "", headers, b"")).status


@pytest.mark.parametrize(
    ("path", "headers"), [("/user/tokens/verify", BEARER), ("/user", KEY), ("/zones", KEY)]
)
def test_who_is_known_is_answered(path: str, headers: Mapping[str, str]) -> None:
    assert status(path, headers) == 200


@pytest.mark.parametrize(
    ("path", "headers", "method"),
    [
        ("/user/tokens/verify", {}, "GET"),
        ("/user/tokens/verify", {"authorization": f"Bearer {TOKEN.value}0"}, "GET"),
        ("/user/tokens/verify", {"authorization": f"Basic {TOKEN.value}"}, "GET"),
        ("/user/tokens/verify", KEY, "GET"),
        ("/user/tokens/verify", BEARER, "POST"),
        ("/user", BEARER, "GET"),
        ("/user", {"x-auth-email": USER.email}, "GET"),
        ("/user", {**KEY, "x-auth-key": USER.key[:-1] + "1"}, "GET"),
        ("/user", {**KEY, "x-auth-email": "other@example.com"}, "GET"),
        ("/user", {**KEY, **BEARER}, "GET"),
        ("/nothing", BEARER, "GET"),
        (f"/accounts/{Cloudflare.account}/tokens/verify", BEARER, "GET"),
    ],
)
def test_anybody_else_is_refused(path: str, headers: Mapping[str, str], method: str) -> None:
    assert status(path, headers, method) in (400, 401, 403)

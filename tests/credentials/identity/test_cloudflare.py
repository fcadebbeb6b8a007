"""Cloudflare tells which token or user it is, to the official SDK, and refuses in its own words."""

from collections.abc import Mapping

import pytest

from credentials.identity import Identity, Inconclusive, NotVerifiable, Rejected, Unreachable, verify
from tests.credentials.identity.asking import assert_nothing_told, secrets, settle
from tests.emulators.cloudflare import HOST, Cloudflare, Token, User
from tests.emulators.proxy import Request, Response, clouds

# Canaries stand here alone: a traceback shows the lines of the tests, too.
TOKEN = Token("ed17574386854bf78a67040be0a770b0", "cAnArY_api_token_0123456789012345678901234")
ZONES = Token(
    "f267e341f3dd4697bd3b9f71dd96247f", "cAnArY_zone_token_012345678901234567890123", reads_zones=True
)
OURS = Token("aa01", "cAnArY_account_token_01234567890123456789", account=Cloudflare.account)
USER = User("7c5dae5552338874e5053f2534d2767a", "ops@example.com", "ca9a41" + "0" * 31)
MALFORMED, UNSPEAKABLE = "cAnArY", "cAnArY\u4e16"
CANARIES = ("cAnArY", USER.key)
READS_ZONES = "apply: list zones (Zone / Zone / Read)"
BY_KEY = {"email": USER.email, "api-key": USER.key}


class World:
    """Cloudflare with these owners, and this process in it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch

    def __call__(self, cloud: Cloudflare, fields: Mapping[str, str]) -> Identity:
        with clouds({HOST: cloud}) as env:
            settle(self._monkeypatch, env)
            return verify("cloudflare", secrets(fields), timeout=5)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> World:
    return World(monkeypatch)


def test_a_users_token_is_told_which_it_is(asked: World) -> None:  # B9
    token = Token(TOKEN.id, TOKEN.value, expires_on="2027-01-01T00:00:00Z")
    assert asked(Cloudflare(token), {"api-token": TOKEN.value}) == Identity(
        account=Cloudflare.account,
        principal=TOKEN.id,
        detail={
            "type": "token of the user",
            "expires": "2027-01-01T00:00:00+00:00",
            "zones": "2",
            "can": READS_ZONES,
        },
    )


def test_an_accounts_token_is_known_to_the_account_of_its_zones(asked: World) -> None:
    told = asked(Cloudflare(OURS), {"api-token": OURS.value})
    assert (told.account, told.principal) == (Cloudflare.account, OURS.id)
    assert told.detail["type"] == "token of the account"


@pytest.mark.parametrize(
    "cloud", [Cloudflare(Token(TOKEN.id, TOKEN.value, reads_zones=False)), Cloudflare(TOKEN, zones=0)]
)
def test_a_token_that_reads_no_zone_is_said_to(asked: World, cloud: Cloudflare) -> None:  # B9
    told = asked(cloud, {"api-token": TOKEN.value})
    assert (told.account, told.principal, told.cannot) == ("", TOKEN.id, (READS_ZONES,))


def test_of_two_tokens_the_one_for_zones_reads_them(asked: World) -> None:
    editor = Token(TOKEN.id, TOKEN.value, reads_zones=False)
    both = {"api-token": TOKEN.value, "zone-api-token": ZONES.value}
    told = asked(Cloudflare(editor, ZONES), both)
    assert (told.principal, told.detail["zone token"], told.cannot) == (TOKEN.id, ZONES.id, ())
    with pytest.raises(Rejected, match="1000: Invalid API Token"):
        asked(Cloudflare(editor), both)
    with pytest.raises(Rejected, match="1000: Invalid API Token"):
        asked(Cloudflare(ZONES), both)


def test_a_global_key_is_its_user(asked: World) -> None:  # B9
    told = asked(Cloudflare(USER), BY_KEY)
    assert told == Identity(
        Cloudflare.account,
        USER.id,
        {"type": "user", "email": USER.email, "zones": "2", "can": READS_ZONES},
    )
    suspended = asked(Cloudflare(User(USER.id, USER.email, USER.key, suspended=True)), BY_KEY)
    assert suspended.cannot == ("anything: the user is suspended",)


def test_only_what_is_in_the_credential_is_sent(asked: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOUDFLARE_EMAIL", USER.email)
    monkeypatch.setenv("CLOUDFLARE_API_KEY", USER.key)
    monkeypatch.setenv("CLOUDFLARE_BASE_URL", "https://elsewhere.test/")
    assert asked(Cloudflare(TOKEN, USER), {"api-token": TOKEN.value}).principal == TOKEN.id
    monkeypatch.setenv("CLOUDFLARE_API_TOKEN", TOKEN.value)
    assert asked(Cloudflare(TOKEN, USER), BY_KEY).principal == USER.id


@pytest.mark.parametrize("status", ["disabled", "expired"])
def test_a_token_that_is_not_active_is_rejected(asked: World, status: str) -> None:
    with pytest.raises(Rejected, match=f"{status}: the token is there and is not active"):
        asked(Cloudflare(Token(TOKEN.id, TOKEN.value, status)), {"api-token": TOKEN.value})


@pytest.mark.parametrize(
    ("cloud", "fields", "said"),
    [
        (
            Cloudflare(ZONES),
            {"api-token": TOKEN.value},
            r"1000: Invalid API Token \(request 8f2a61b2cc1c2d3e-FRA",
        ),
        (Cloudflare(ZONES), {"api-token": MALFORMED}, "6003: Invalid request headers"),
        (Cloudflare(), BY_KEY, "9103: Unknown X-Auth-Key or X-Auth-Email"),
        (Cloudflare(USER), {**BY_KEY, "api-key": MALFORMED}, "6003: Invalid request headers"),
    ],
)
def test_what_is_unknown_is_rejected_and_never_repeated(
    asked: World,
    cloud: Cloudflare,
    fields: Mapping[str, str],
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("CLOUDFLARE_LOG", "debug")  # has the SDK log its requests
    with pytest.raises(Rejected, match=said) as caught:
        asked(cloud, fields)
    assert caught.value.exit_code == 1
    assert_nothing_told(caught.value, CANARIES, caplog, capfd)


def test_a_token_that_no_header_can_carry_is_never_repeated(
    asked: World, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(NotVerifiable, match="its api-token has characters") as caught:
        asked(Cloudflare(TOKEN), {"api-token": UNSPEAKABLE})
    assert_nothing_told(caught.value, CANARIES, caplog, capfd)


@pytest.mark.parametrize(
    "answer",
    [
        Response(503),
        Response(429),
        Response(200, body=b"<html>"),
        Response.json({"success": True, "errors": [], "messages": [], "result": None}),
        Response.json([]),
    ],
)
def test_an_answer_that_says_nothing_of_the_token_is_said_to_be_that(
    monkeypatch: pytest.MonkeyPatch, answer: Response
) -> None:
    def service(_: Request) -> Response:
        return answer

    with clouds({HOST: service}) as env:
        settle(monkeypatch, env)
        for fields in ({"api-token": TOKEN.value}, BY_KEY):
            with pytest.raises(Inconclusive):
                verify("cloudflare", secrets(fields), timeout=5)


def test_a_provider_that_can_not_be_reached_is_no_rejection(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with clouds({"elsewhere.test": lambda _: Response()}) as env:
        settle(monkeypatch, env)
        with pytest.raises(Unreachable, match="the proxy") as caught:
            verify("cloudflare", secrets({"api-token": TOKEN.value}), timeout=5)
    assert_nothing_told(caught.value, CANARIES, caplog, capfd)

"""JD Cloud tells whose a key is, to the official SDK, and refuses in its own words."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from credentials.identity import ClockSkew, Identity, Inconclusive, Rejected, verify
from tests.credentials.identity.asking import assert_nothing_told, secrets, settle
from tests.emulators.jdcloud import JdCloud
from tests.emulators.proxy import Request, Response, clouds
from tests.emulators.signing import Key

# The SDKs take the time with utcnow(), which Python 3.12 warns of.
pytestmark = pytest.mark.filterwarnings("ignore:datetime.datetime.utc:DeprecationWarning")

HOSTS = ("user.jdcloud-api.com", "domainservice.jdcloud-api.com", "ssl.jdcloud-api.com")
SECRET, WRONG = "cAnArY-sk-70bd", "cAnArY-wrong"
KEY = Key("JDCKEY", SECRET, "100012345678", "alice")
FIELDS = {"access-key": KEY.id, "secret-key": SECRET}
LIST_DOMAINS = "apply: list DNS domains (domainservice:describeDomains)"
LIST_CERTIFICATES = "deploy: list certificates (ssl:describeCerts)"


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[JdCloud]:
    made = JdCloud([KEY])
    with clouds(dict.fromkeys(HOSTS, made)) as env:
        settle(monkeypatch, env)
        yield made


def asked(fields: Mapping[str, str] = FIELDS) -> Identity:
    return verify("jdcloud", secrets(fields), timeout=5)


def test_a_key_is_told_whose_it_is_and_what_it_can(cloud: JdCloud) -> None:  # B9
    assert asked() == Identity(
        account="100012345678",
        principal="alice",
        detail={"login name": "alice", "can": f"{LIST_DOMAINS}; {LIST_CERTIFICATES}"},
    )


def test_the_sdk_prints_nothing(cloud: JdCloud, capfd: pytest.CaptureFixture[str]) -> None:
    asked()
    assert capfd.readouterr() == ("", "")


def test_what_its_policies_do_not_allow_is_said(cloud: JdCloud) -> None:  # B9
    cloud.keys[KEY.id] = replace(KEY, denied=frozenset({"certificates"}))
    assert asked().cannot == (LIST_CERTIFICATES,)


def test_a_key_that_may_not_even_ask_who_it_is_is_right_all_the_same(cloud: JdCloud) -> None:
    cloud.keys[KEY.id] = replace(KEY, denied=frozenset({"user"}))
    assert asked().cannot == ("tell who it is (user:describeUser)",)


@pytest.mark.parametrize("disabled", [True, False])
def test_an_unknown_key_and_a_disabled_one_are_rejected(cloud: JdCloud, disabled: bool) -> None:
    cloud.keys = {KEY.id: replace(KEY, disabled=True)} if disabled else {}
    with pytest.raises(Rejected, match=r"ACCESS_ERROR 401: access key is not found .* \(request 5a63903e"):
        asked()


def test_a_wrong_secret_is_rejected_and_never_repeated(
    cloud: JdCloud, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(Rejected, match="sign result is not same") as caught:
        asked({**FIELDS, "secret-key": WRONG})
    assert_nothing_told(caught.value, ["cAnArY"], caplog, capfd)


@pytest.mark.parametrize("hours", [1, -1])
def test_a_clock_that_is_off_is_not_a_wrong_key(cloud: JdCloud, hours: int) -> None:
    cloud.now = lambda: datetime.now(UTC) + timedelta(hours=hours)
    with pytest.raises(ClockSkew, match="sign time is expired"):
        asked()


@pytest.mark.parametrize(
    "answer",
    [
        Response.json({"requestId": "r", "error": {"code": 429, "status": "BUSY", "message": "later"}}, 429),
        Response(503, body=b"<html>"),
        Response(204),
        Response.json({"requestId": "r", "result": {}}),
    ],
)
def test_an_answer_that_says_nothing_of_the_key_is_said_to_be_that(
    monkeypatch: pytest.MonkeyPatch, answer: Response
) -> None:
    def service(_: Request) -> Response:
        return answer

    with clouds({HOSTS[0]: service}) as env:
        settle(monkeypatch, env)
        with pytest.raises(Inconclusive):
            asked()

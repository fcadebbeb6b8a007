"""What holds for every cloud whose requests are signed: no answer is no verdict, and nothing is told."""

import sys
from collections.abc import Mapping

import certifi
import pytest

from credentials.identity import Identity, NotVerifiable, PackageMissing, Unreachable, verify
from tests.credentials.identity.asking import assert_nothing_told, secrets, settle
from tests.emulators.proxy import Request, Response, clouds

# The SDKs take the time with utcnow(), which Python 3.12 warns of.
pytestmark = pytest.mark.filterwarnings("ignore:datetime.datetime.utc:DeprecationWarning")

SECRET, NOT_ASCII, BROKEN = "cAnArY-sk-5a5a", "cAnArY-\u00e9", "cAnArY\r\nX-Evil: 1"
FIELDS = {"access-key": "AK", "secret-key": SECRET}
HOSTS = {
    "huaweicloud": "sts.cn-north-4.myhuaweicloud.com",
    "volcengine": "open.volcengineapi.com",
    "baiducloud": "sts.bj.baidubce.com",
    "jdcloud": "user.jdcloud-api.com",
}
MODULES = {
    "huaweicloud": "huaweicloudsdkcore.client",
    "volcengine": "volcenginesdkcore",
    "baiducloud": "baidubce.http",
    "jdcloud": "jdcloud_sdk.core.logger",
}


def asked(kind: str, fields: Mapping[str, str] = FIELDS) -> Identity:
    return verify(kind, secrets(fields), timeout=5)


def nobody(_: Request) -> Response:
    return Response(500)


@pytest.mark.parametrize("kind", HOSTS)
def test_a_provider_that_can_not_be_reached_is_no_verdict(
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    with clouds({"elsewhere.example.test": nobody}) as env:
        settle(monkeypatch, env)
        with pytest.raises(Unreachable, match="the proxy refuses: 403") as caught:
            asked(kind)
        assert set(env.refused) == {HOSTS[kind]}
    assert caught.value.exit_code == 6
    assert_nothing_told(caught.value, ["cAnArY"], caplog, capfd)


@pytest.mark.parametrize("kind", HOSTS)
def test_a_server_with_a_certificate_of_nobodys_gets_nothing(
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    with clouds({HOSTS[kind]: nobody}) as env:
        settle(monkeypatch, env)
        for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
            monkeypatch.setenv(name, certifi.where())
        with pytest.raises(Unreachable, match="certificate is not trusted") as caught:
            asked(kind)
        assert env.requests == []
    assert_nothing_told(caught.value, ["cAnArY"], caplog, capfd)


@pytest.mark.parametrize("kind", HOSTS)
def test_a_provider_that_says_nothing_in_time_is_no_verdict(
    monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as silent:
        proxy = f"http://127.0.0.1:{silent.getsockname()[1]}"
        settle(monkeypatch, dict.fromkeys(("HTTPS_PROXY", "https_proxy"), proxy))
        with pytest.raises(Unreachable, match=r"no answer within 0\.05 s"):
            verify(kind, secrets(FIELDS), timeout=0.05)


@pytest.mark.parametrize("kind", HOSTS)
@pytest.mark.parametrize("value", [NOT_ASCII, BROKEN], ids=["not ASCII", "more than one line"])
def test_a_secret_that_no_request_can_carry_is_refused_before_anything_is_sent(
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    value: str,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    fields = {**FIELDS, "secret-key": value}
    with clouds({HOSTS[kind]: nobody}) as env:
        settle(monkeypatch, env)
        with pytest.raises(NotVerifiable, match="its secret-key has characters") as caught:
            asked(kind, fields)
        assert env.requests == []
    assert_nothing_told(caught.value, ["cAnArY"], caplog, capfd)


@pytest.mark.parametrize("kind", HOSTS)
def test_a_missing_sdk_is_said_with_what_to_install(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    monkeypatch.setitem(sys.modules, MODULES[kind], None)
    with pytest.raises(PackageMissing) as caught:
        asked(kind)
    assert caught.value.hint == f"install it: pip install 'tic-engine[{kind}]'"

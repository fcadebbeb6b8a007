"""Asking is one call for every kind; what goes wrong is one of a few errors, and no SDK's words are raw."""

import logging
import socket
import ssl
import subprocess
import sys
import threading
from datetime import timedelta

import pytest

from credentials import identity, kinds
from credentials.identity import (
    ClockSkew,
    Inconclusive,
    NotVerifiable,
    PackageMissing,
    Rejected,
    Unreachable,
    network,
    verifiable,
    verify,
    words_of,
)
from tests.credentials.identity.asking import assert_nothing_told, secrets, settle
from tests.emulators.proxy import Request, Response, clouds

CANARY = "cAnArY-0b7c"
SDKS = {
    "alicloud": ("alibabacloud_tea_openapi", {"access-key": "an-id", "secret-key": CANARY}),
    "aws": ("botocore", {"access-key-id": "an-id", "secret-access-key": CANARY}),
    "azure": ("azure.identity", {"tenant-id": "t", "client-id": "c", "client-secret": CANARY}),
    "cloudflare": ("cloudflare", {"api-token": CANARY}),
    "tencentcloud": ("tencentcloud.common.common_client", {"secret-id": "an-id", "secret-key": CANARY}),
}

HOSTS = {
    "alicloud": "sts.aliyuncs.com",
    "aws": "sts.us-east-1.amazonaws.com",
    "azure": "login.microsoftonline.com",
    "cloudflare": "api.cloudflare.com",
    "tencentcloud": "sts.tencentcloudapi.com",
}


@pytest.mark.parametrize("kind", SDKS)
def test_without_its_sdk_the_extra_to_install_is_named(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    package, fields = SDKS[kind]
    for name in [name for name in sys.modules if name == package or name.startswith(f"{package}.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(PackageMissing) as caught:
        verify(kind, secrets(fields), timeout=1)
    assert caught.value.exit_code == 6
    assert caught.value.hint == f"install it: pip install 'tic-engine[{kind}]'"


def test_every_kind_that_can_be_verified_is_in_the_catalogue() -> None:
    assert [kind for kind in identity._MODULES if kind not in kinds.names()] == []


def test_all_nine_clouds_can_be_verified() -> None:  # B9
    clouds = [name for name in kinds.names() if "cloud" in kinds.load(name).purpose]
    assert len(clouds) == 9
    assert [cloud for cloud in clouds if not verifiable(cloud)] == []


def test_a_kind_without_anybody_to_ask_says_so() -> None:
    with pytest.raises(NotVerifiable, match="its provider has no call that tells") as caught:
        verify("exec", {})
    assert caught.value.exit_code == 3


def test_no_sdk_is_imported_before_it_is_needed() -> None:
    code = (
        "import sys, credentials.identity, credentials.identity.verification\n"
        "print(sorted({one.partition('.')[0] for one in sys.modules} & {'botocore', 'boto3', 'tencentcloud', "
        "'alibabacloud_tea_openapi', 'azure', 'cloudflare', 'httpx', 'requests', 'dns', 'ssl'}))"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"


def test_what_an_sdk_raises_by_surprise_gets_out_as_a_word_alone(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    class Broken:
        @staticmethod
        def identify(*_: object) -> None:
            raise LookupError(CANARY)

    monkeypatch.setitem(sys.modules, "credentials.identity.tencentcloud", Broken)
    with pytest.raises(Inconclusive, match="LookupError: its SDK fails on the answer") as caught:
        verify("tencentcloud", {})
    assert_nothing_told(caught.value, [CANARY], caplog, capfd)


def test_an_sdk_logs_nowhere_whatever_handlers_it_brings(capfd: pytest.CaptureFixture[str]) -> None:
    logger = logging.getLogger("an-sdk")
    logger.addHandler(logging.StreamHandler())
    logger.setLevel(logging.DEBUG)
    identity.silence("an-sdk")
    for one in (logger, logging.getLogger("an-sdk.requests")):
        one.error("Authorization: %s", CANARY)
    assert capfd.readouterr() == ("", "")


# What is repeated of a provider's words


@pytest.mark.parametrize(
    ("words", "repeated"),
    [
        ("The key\n is   wrong.", "The key is wrong."),
        (f"key {CANARY} is wrong", "key *** is wrong"),
        ("a\x1b[31mb\u202ec", "a?[31mb?c"),
        ("x" * 300, "x" * 199 + "…"),
        (None, "None"),
        ("line one of it", "*** of it"),
    ],
)
def test_a_providers_words_are_one_short_line_without_a_field_in_it(words: object, repeated: str) -> None:
    fields = secrets(
        {"secret": CANARY, "pem": "line one\nline two", "flag": "on", "longer": CANARY + "+more"}
    )
    assert words_of(words, fields) == repeated


def test_a_value_is_masked_before_the_line_is_cut() -> None:
    assert CANARY[:6] not in words_of("y" * 195 + CANARY, secrets({"secret": CANARY}))


def test_errors_say_what_code_request_and_next_step() -> None:
    rejected = Rejected("aws", code="InvalidClientTokenId", words="is invalid", request_id="r-1")
    assert str(rejected) == "aws rejects this credential: InvalidClientTokenId: is invalid (request r-1)"
    assert (rejected.exit_code, "tic creds rotate" in rejected.hint) == (1, True)
    assert str(Rejected("aws", code="X")) == "aws rejects this credential: X"
    assert (
        str(Inconclusive("aws", code="Throttling")) == "aws does not say who this credential is: Throttling"
    )


@pytest.mark.parametrize(
    ("skew", "said"),
    [
        (timedelta(seconds=90), "this machine's clock is 90 s ahead of the provider's"),
        (timedelta(minutes=-7), "this machine's clock is 7 min behind the provider's"),
        (None, "the provider's words"),
    ],
)
def test_a_clocks_error_says_which_way_it_is_off(skew: timedelta | None, said: str) -> None:
    error = ClockSkew("aws", code="C", skew=skew, words="the provider's words")
    assert str(error) == f"aws rejects this credential: C: {said}"
    assert "timedatectl" in error.hint


# Why nobody answered


def raised(error: BaseException, cause: BaseException | None = None) -> BaseException:
    try:
        raise error from cause
    except type(error) as caught:
        return caught


class MaxRetryError(Exception):
    def __init__(self, reason: BaseException) -> None:
        super().__init__(f"Max retries exceeded with url: /?Signature={CANARY}")
        self.reason = reason


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (raised(RuntimeError(CANARY), TimeoutError(CANARY)), "no answer within 7.5 s"),
        (RuntimeError(MaxRetryError(socket.gaierror(-2, CANARY))), "its name can't be resolved"),
        (RuntimeError(ConnectionRefusedError(111, CANARY)), "the connection is refused"),
        (RuntimeError(ConnectionResetError(104, CANARY)), "the connection broke (connection reset by peer)"),
        (OSError("Tunnel connection failed: 407 Proxy Authentication Required"),
         "the proxy refuses: 407 Proxy Authentication Required"),
        (ssl.SSLError(1, CANARY), "TLS failed (no reason given)"),
        (RuntimeError(CANARY), "there is no connection (RuntimeError)"),
    ],
)  # fmt: skip
def test_why_there_was_no_answer_is_said_in_tics_own_words(error: BaseException, said: str) -> None:
    assert network.why(error, 7.5) == said


def test_a_certificate_that_nobody_vouches_for_is_said_to_be_that() -> None:
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_message = "self-signed certificate in certificate chain"
    assert network.why(RuntimeError(error), 1) == (
        "its certificate is not trusted (self-signed certificate in certificate chain)"
    )


@pytest.mark.parametrize("kind", HOSTS)
def test_every_sdk_wants_a_certificate_that_the_machine_trusts(
    kind: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    def answer(_: Request) -> Response:
        raise AssertionError("it was asked")

    with clouds({HOSTS[kind]: answer}) as env:
        settle(monkeypatch, {name: value for name, value in env.items() if name.lower().endswith("proxy")})
        with pytest.raises(Unreachable, match="its certificate is not trusted") as caught:
            verify(kind, secrets(SDKS[kind][1]), timeout=5)
    assert_nothing_told(caught.value, [CANARY], caplog, capfd)


@pytest.mark.parametrize("kind", HOSTS)
def test_every_sdk_waits_for_an_answer_no_longer_than_it_may(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = threading.Event()

    def answer(_: Request) -> Response:
        done.wait()
        return Response(500)

    with clouds({HOSTS[kind]: answer}) as env:
        settle(monkeypatch, env)
        with pytest.raises(Unreachable, match=r"no answer within 0\.2 s"):
            verify(kind, secrets(SDKS[kind][1]), timeout=0.2)
        done.set()


def test_errors_that_stand_on_each_other_are_looked_at_once() -> None:
    one, other = RuntimeError("a"), RuntimeError("b")
    one.__context__, other.__context__ = other, one
    assert network.causes(one) == [one, other]


def test_the_machines_ca_file_is_the_first_that_a_variable_names(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.delenv(name, raising=False)
    assert network.ca_file() is None
    monkeypatch.setenv("SSL_CERT_FILE", "/etc/own.pem")
    monkeypatch.setenv("CURL_CA_BUNDLE", "")
    assert network.ca_file() == "/etc/own.pem"


def test_unreachable_is_a_missing_server() -> None:
    assert Unreachable("aws", "no answer").exit_code == 6

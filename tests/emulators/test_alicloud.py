"""The emulated Alibaba Cloud takes what the official SDK signs, and nothing that differs from it."""

from dataclasses import replace

import pytest

from credentials.identity import verify
from tests.credentials.identity.asking import secrets, settle
from tests.emulators.alicloud import HOSTS, AlibabaCloud, canonical_request, signature
from tests.emulators.proxy import Request, clouds
from tests.emulators.signing import Denied, Key, altered, sha256, with_header

KEY = Key("LTAIEXAMPLE", "an-sk", "1234567890123456", "alice", token="an-sts-token")
EXAMPLE = Request(
    "POST",
    "ecs.cn-shanghai.aliyuncs.com",
    "/",
    "ImageId=win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd&RegionId=cn-shanghai",
    {
        "host": "ecs.cn-shanghai.aliyuncs.com",
        "x-acs-action": "RunInstances",
        "x-acs-content-sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "x-acs-date": "2023-10-26T10:22:32Z",
        "x-acs-signature-nonce": "3156853299f313e23d1673dc12e1703d",
        "x-acs-version": "2014-05-26",
    },
    b"",
)


def test_it_signs_the_providers_own_example_as_the_provider_does() -> None:
    # "Request syntax and signature method V3": the example of RunInstances
    signed = ";".join(EXAMPLE.headers)
    hashed = sha256(canonical_request(EXAMPLE, signed).encode())
    assert hashed == "7ea06492da5221eba5297e897ce16e55f964061054b7695beedaac1145b1e259"
    assert signature(EXAMPLE, "YourAccessKeySecret", signed) == (
        "06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0"
    )


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Request:
    """What the SDK sends to ask who it is."""
    with clouds(dict.fromkeys(HOSTS, AlibabaCloud([KEY]))) as env:
        settle(monkeypatch, env)
        fields = {"access-key": KEY.id, "secret-key": KEY.secret, "security-token": KEY.token}
        verify("alicloud", secrets(fields), timeout=5)
        return env.requests[0]


def test_what_the_sdk_sends_is_taken_and_anything_else_is_refused(sent: Request) -> None:
    assert AlibabaCloud([KEY]).authenticated(sent) == KEY
    signed = sent.headers["authorization"]
    names = [name for name in sent.headers if name.startswith("x-acs-")]
    changes = {
        **dict(altered(sent, ["host", *names])),
        "body": replace(sent, body=b"a=b"),
        "body and its hash": with_header(replace(sent, body=b"a=b"), "x-acs-content-sha256", sha256(b"a=b")),
        "a header more": with_header(sent, "x-acs-more", "1"),
        "token not signed": with_header(sent, "authorization", signed.replace(";x-acs-security-token", "")),
    }
    refusals = {what: refusal(AlibabaCloud([KEY]), request) for what, request in changes.items()}
    assert {what for what, code in refusals.items() if not code} == set()
    assert refusals["signature"] == "SignatureDoesNotMatch"
    assert refusals["token not signed"] == refusals["a header more"] == "IncompleteSignature"


def test_a_request_that_is_sent_again_is_refused(sent: Request) -> None:
    cloud = AlibabaCloud([KEY])
    assert [refusal(cloud, sent), refusal(cloud, sent)] == ["", "SignatureNonceUsed"]


def refusal(cloud: AlibabaCloud, request: Request) -> str:
    """The code that a request is refused with; empty for one that is taken."""
    try:
        cloud.authenticated(request)
    except Denied as denied:
        return denied.code
    return ""

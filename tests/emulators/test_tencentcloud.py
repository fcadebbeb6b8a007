"""The emulated Tencent Cloud takes what the official SDK signs, and nothing that differs from it."""

from dataclasses import replace

import pytest

from credentials.identity import verify
from tests.credentials.identity.asking import secrets, settle
from tests.emulators.proxy import Request, clouds
from tests.emulators.signing import Denied, Key, altered, sha256, with_header
from tests.emulators.tencentcloud import HOSTS, TencentCloud, canonical_request, signature

KEY = Key("AKIDEXAMPLE", "an-sk", "100000000001", "100000000002")
EXAMPLE = Request(
    "POST",
    "cvm.tencentcloudapi.com",
    "/",
    "",
    {
        "content-type": "application/json; charset=utf-8",
        "host": "cvm.tencentcloudapi.com",
        "x-tc-action": "DescribeInstances",
        "x-tc-timestamp": "1551113065",
    },
    b'{"Limit": 1, "Filters": [{"Values": ["\\u672a\\u547d\\u540d"], "Name": "instance-name"}]}',
)


def test_it_signs_the_providers_own_example_as_the_provider_does() -> None:
    # "Signature v3", https://cloud.tencent.com/document/api/213/30654, and its edition of 2019
    canonical = canonical_request(EXAMPLE, "content-type;host;x-tc-action")
    assert sha256(canonical.encode()) == "7019a55be8395899b900fb5564e4200d984910f34794a27cb3fb7d10ff6a1e84"
    signed = signature(
        EXAMPLE, "Gu5t9xGARNpq86cd98joQYCN3EXAMPLE", "2019-02-25/cvm/tc3_request", "content-type;host"
    )
    assert signed == "72e494ea809ad7a8c8f7a4507b9bddcbaa8e581f516e8da2f66e2c5a96525168"


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Request:
    """What the SDK sends to ask who it is."""
    with clouds(dict.fromkeys(HOSTS, TencentCloud([KEY]))) as env:
        settle(monkeypatch, env)
        verify("tencentcloud", secrets({"secret-id": KEY.id, "secret-key": KEY.secret}), timeout=5)
        return env.requests[0]


def test_what_the_sdk_sends_is_taken_and_anything_else_is_refused(sent: Request) -> None:
    cloud, authorization = TencentCloud([KEY]), sent.headers["authorization"]
    assert cloud.authenticated(sent) == KEY
    changes = {
        **dict(altered(sent, ["content-type", "host"])),
        "body": replace(sent, body=sent.body + b" "),
        "time": with_header(sent, "x-tc-timestamp", str(int(sent.headers["x-tc-timestamp"]) - 1)),
        "host not signed": with_header(
            sent, "authorization", authorization.replace("content-type;host", "content-type")
        ),
        "another service's scope": with_header(
            sent, "authorization", authorization.replace("/sts/", "/ssl/")
        ),
        "an unsolicited token": with_header(sent, "x-tc-token", "a-token"),
    }
    refusals = {what: refusal(cloud, request) for what, request in changes.items()}
    assert {what for what, code in refusals.items() if not code.startswith("AuthFailure.")} == set()


def refusal(cloud: TencentCloud, request: Request) -> str:
    """The code that a request is refused with; empty for one that is taken."""
    try:
        cloud.authenticated(request)
    except Denied as denied:
        return denied.code
    return ""

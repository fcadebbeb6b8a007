"""The emulators' own checks can fail: a request that is not as its key signed it is refused, in every part.

The requests are the official SDKs' own, signed by them as they leave; so what the emulators compute from the
providers' documents agrees with what somebody else's code computes.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest

from credentials.identity import verify
from tests.credentials.identity.asking import secrets, settle
from tests.emulators import baiducloud, huaweicloud, jdcloud, volcengine
from tests.emulators.proxy import Handler, Request, Response, clouds
from tests.emulators.signing import Key, altered, with_header

# The SDKs take the time with utcnow(), which Python 3.12 warns of.
pytestmark = pytest.mark.filterwarnings("ignore:datetime.datetime.utc:DeprecationWarning")

KEYS = [Key("ONE", "the-secret-of-one", "1", "alice"), Key("OTHER", "the-secret-of-other", "2", "bob")]
FIELDS = {"access-key": "ONE", "secret-key": "the-secret-of-one"}


@dataclass(frozen=True, slots=True)
class Cloud:
    """One of the clouds: how it is made, the hosts that are asked, the headers that its SDK signs."""

    kind: str
    make: Callable[..., Handler]
    hosts: tuple[str, ...]
    signed: tuple[str, ...]


CLOUDS = [
    Cloud(
        "huaweicloud",
        huaweicloud.HuaweiCloud,
        ("sts.cn-north-4.myhuaweicloud.com", "dns.myhuaweicloud.com", "scm.cn-north-4.myhuaweicloud.com"),
        ("host", "x-sdk-date", "content-type", "user-agent"),
    ),
    Cloud(
        "volcengine",
        volcengine.Volcengine,
        ("open.volcengineapi.com",),
        ("host", "x-date", "content-type", "x-content-sha256"),
    ),
    Cloud(
        "baiducloud",
        baiducloud.BaiduCloud,
        ("sts.bj.baidubce.com", "dns.baidubce.com", "certificate.baidubce.com"),
        ("host", "x-bce-date", "content-length"),
    ),
    Cloud(
        "jdcloud",
        jdcloud.JdCloud,
        ("user.jdcloud-api.com", "domainservice.jdcloud-api.com", "ssl.jdcloud-api.com"),
        ("host", "x-jdcloud-date", "content-type", "x-jdcloud-content-sha256"),
    ),
]


@pytest.fixture(params=CLOUDS, ids=lambda cloud: cloud.kind)
def cloud(request: pytest.FixtureRequest) -> Cloud:
    made: Cloud = request.param
    return made


@pytest.fixture
def emulator(cloud: Cloud) -> Handler:
    return cloud.make(KEYS)


@pytest.fixture
def signed(cloud: Cloud, emulator: Handler, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Request, ...]]:
    """Every request of a verification, as the SDK signed it."""
    with clouds(dict.fromkeys(cloud.hosts, emulator)) as env:
        settle(monkeypatch, env)
        verify(cloud.kind, secrets(FIELDS), timeout=5)
        assert len(env.requests) == 3
        yield tuple(env.requests)


def refused(answer: Response) -> bool:
    """Whether an emulator says that it does not know who asks: 404 and 403 are for whom it knows."""
    return answer.status in (400, 401) or b"InvalidAccessKeyId" in answer.body


def test_what_the_sdk_signs_is_taken(emulator: Handler, signed: tuple[Request, ...]) -> None:
    assert [emulator(request).status for request in signed] == [200, 200, 200]


def test_any_part_that_is_not_as_it_was_signed_is_refused(
    cloud: Cloud, emulator: Handler, signed: tuple[Request, ...]
) -> None:
    taken = [
        f"{request.path}: {what}"
        for request in signed
        for what, changed in altered(request, set(cloud.signed) & set(request.headers))
        if not refused(cloud.make(KEYS)(changed))
    ]
    assert taken == []


def test_a_body_that_was_not_signed_is_refused(cloud: Cloud, signed: tuple[Request, ...]) -> None:
    for request in signed:
        longer = replace(request, body=request.body + b" ")
        assert refused(cloud.make(KEYS)(longer))


def test_another_keys_name_over_this_ones_signature_is_refused(
    cloud: Cloud, signed: tuple[Request, ...]
) -> None:
    for request in signed:
        theirs = request.headers["authorization"].replace("ONE", "OTHER", 1)
        assert refused(cloud.make(KEYS)(with_header(request, "authorization", theirs)))


def test_a_list_of_signed_headers_that_was_shortened_is_refused(
    cloud: Cloud, signed: tuple[Request, ...]
) -> None:
    for request in signed:
        said = request.headers["authorization"]
        shorter = re.sub("(?<=SignedHeaders=)[^;]+;", "", said).replace("//", "/host/", 1)
        assert shorter != said
        assert refused(cloud.make(KEYS)(with_header(request, "authorization", shorter)))


@pytest.mark.parametrize("hours", [-1, 1])
def test_a_request_of_another_hour_is_refused(cloud: Cloud, signed: tuple[Request, ...], hours: int) -> None:
    later = cloud.make(KEYS, lambda: datetime.now(UTC) + timedelta(hours=hours))
    for request in signed:
        assert refused(later(request))


def test_a_key_that_the_cloud_does_not_have_or_that_is_disabled_is_refused(
    cloud: Cloud, signed: tuple[Request, ...]
) -> None:
    for keys in ([], [replace(KEYS[0], disabled=True)], [replace(KEYS[0], secret="another")]):
        for request in signed:
            assert refused(cloud.make(keys)(request))


def test_baidus_signature_is_that_of_its_documents() -> None:
    """The worked example of "generate an authentication string", whose key is nobody's."""
    request = Request(
        "PUT",
        "bj.bcebos.com",
        "/v1/test/myfolder/readme.txt",
        "partNumber=9&uploadId=VXBsb2FkIElpZS5tMnRzIHVwbG9hZA",
        {
            "host": "bj.bcebos.com",
            "date": "Mon, 27 Apr 2015 16:23:49 +0800",
            "content-type": "text/plain",
            "content-length": "8",
            "content-md5": "0a52730597fb4ffa01fc117d9e71e3a9",
            "x-bce-date": "2015-04-27T08:23:49Z",
        },
        b"",
    )
    prefix = "bce-auth-v1/0b0f67dfb88244b289b72b142befad0c/2015-04-27T08:23:49Z/1800"
    made = baiducloud.signature(request, "bad522c2126a4618a8125f4b6cf6356f", prefix, "")
    assert made == "a19e6386e990691aca1114a20357c83713f1cb4be3d74942bb4ed37469ecdacf"


@pytest.mark.parametrize(
    ("path", "published"),
    [
        ("", "44c5ec30b6185516986ae171d8276552bc0f37f6a536a44e4f578958fc1c12be"),
        ("/v1", "92cd3ed582c13af58b4c81ddad150c350e656c6cc9e78ec154d7385e499b91b6"),
    ],
)
def test_jds_signature_is_that_of_its_own_vectors(path: str, published: str) -> None:
    headers = {
        "host": "apigw-internal-dev.cn-north-1.jcloudcs.com:8000",
        "content-type": "application/json",
        "x-jdcloud-date": "20190917T064708Z",
        "x-jdcloud-nonce": "X-Jdcloud-Nonce",
    }
    made = jdcloud.signature(
        Request("GET", headers["host"], path, "", headers, b""),
        "JDCLOUD3",
        "sk",
        "20190917/cn-north-1/apigatewaytestproductline/jdcloud3_request",
        "content-type;host;x-jdcloud-date;x-jdcloud-nonce",
    )
    assert made == published

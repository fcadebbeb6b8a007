"""The emulated AWS takes what boto3 signs, and nothing that differs from it."""

from dataclasses import replace

import pytest

from credentials.identity import verify
from tests.credentials.identity.asking import secrets, settle
from tests.emulators.aws import HOSTS, Aws, aws, canonical_request, signature
from tests.emulators.proxy import Request, clouds
from tests.emulators.signing import Denied, altered, sha256, with_header

EXAMPLE = Request(
    "GET",
    "iam.amazonaws.com",
    "/",
    "Action=ListUsers&Version=2010-05-08",
    {
        "content-type": "application/x-www-form-urlencoded; charset=utf-8",
        "host": "iam.amazonaws.com",
        "x-amz-date": "20150830T123600Z",
    },
    b"",
)


def test_it_signs_the_providers_own_example_as_the_provider_does() -> None:
    # "Signature Version 4 signing process", the example of IAM ListUsers
    signed = "content-type;host;x-amz-date"
    hashed = sha256(canonical_request(EXAMPLE, signed).encode())
    assert hashed == "f536975d06c0309214f805bb90ccff089219ecd68b2577efef23edd43b7e1a59"
    secret, scope = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "20150830/us-east-1/iam/aws4_request"
    assert signature(EXAMPLE, secret, scope, signed) == (
        "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"
    )


def test_what_boto_sends_is_taken_and_anything_else_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with aws() as cloud, clouds(dict.fromkeys(HOSTS, cloud)) as env:
        settle(monkeypatch, env)
        key = cloud.session("deployer", "acm:ListCertificates")
        fields = {"access-key-id": key.id, "secret-access-key": key.secret, "session-token": key.token}
        verify("aws", secrets(fields), timeout=5)
        sent = env.requests[0]
        assert cloud.authenticated(sent).id == key.id
        authorization = sent.headers["authorization"]
        changes = {
            **dict(altered(sent, ["host", "x-amz-date", "x-amz-security-token", "content-type"])),
            "body": replace(sent, body=sent.body + b"&More=1"),
            "token not signed": with_header(
                sent, "authorization", authorization.replace(";x-amz-security-token", "")
            ),
            "another region": with_header(
                sent, "authorization", authorization.replace("us-east-1", "us-west-1")
            ),
            "another service": with_header(sent, "authorization", authorization.replace("/sts/", "/iam/")),
        }
        refusals = {what: refusal(cloud, request) for what, request in changes.items()}
    assert {what for what, code in refusals.items() if not code} == set()
    assert refusals["body"] == refusals["signature"] == "SignatureDoesNotMatch"


def refusal(cloud: Aws, request: Request) -> str:
    """The code that a request is refused with; empty for one that is taken."""
    try:
        cloud.authenticated(request)
    except Denied as denied:
        return denied.code
    return ""

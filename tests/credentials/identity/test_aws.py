"""AWS tells who a key is, to boto3, and refuses in its own words."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta

import pytest

from credentials.identity import (
    ClockSkew,
    Identity,
    Inconclusive,
    NotVerifiable,
    Rejected,
    Unreachable,
    verify,
)
from tests.credentials.identity.asking import assert_nothing_told, secrets, settle
from tests.emulators.aws import ACCOUNT, HOSTS, Aws, aws
from tests.emulators.proxy import Request, Response, clouds
from tests.emulators.signing import Key

# Canaries stand here alone: a traceback shows the lines of the tests, too.
WRONG, TOKEN, UNSPEAKABLE = "cAnArY/wrong+5e1f", "cAnArY-token", "cAnArY-\u20ac"
ELSEWHERE = {
    "AWS_PROFILE": "of-somebody-else",
    "AWS_CONFIG_FILE": "/nowhere",
    "AWS_ENDPOINT_URL": "https://elsewhere.test",
    "AWS_ACCESS_KEY_ID": "AKIAOFSOMEBODYELSE",
    "AWS_SECRET_ACCESS_KEY": "of somebody else",
    "AWS_SESSION_TOKEN": "of somebody else",
}
SIMULATE = "iam:SimulatePrincipalPolicy"
APPLYING = (
    "route53:ListHostedZones",
    "route53:ListHostedZonesByName",
    "route53:GetHostedZone",
    "route53:ListResourceRecordSets",
    "route53:ChangeResourceRecordSets",
    "route53:GetChange",
)
DEPLOYING = ("acm:ListCertificates", "acm:GetCertificate", "acm:ImportCertificate")
APPLY, DEPLOY = (
    "apply: list zones (route53:ListHostedZones)",
    "deploy: list certificates (acm:ListCertificates)",
)


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[Aws]:
    with aws() as made, clouds(dict.fromkeys(HOSTS, made)) as env:
        settle(monkeypatch, env)
        yield made


def fields_of(key: Key) -> dict[str, str]:
    token = {"session-token": key.token} if key.token else {}
    return {"access-key-id": key.id, "secret-access-key": key.secret, **token}


def asked(fields: Mapping[str, str]) -> Identity:
    return verify("aws", secrets(fields), timeout=5)


def test_a_key_is_told_who_it_is_and_what_it_can(cloud: Aws) -> None:  # B9
    key = cloud.user("alice", "route53:ListHostedZones", "acm:ListCertificates")
    told = asked(fields_of(key))
    assert (told.account, told.principal) == (ACCOUNT, f"arn:aws:iam::{ACCOUNT}:user/alice")
    assert (told.detail["can"], told.cannot) == (f"{APPLY}; {DEPLOY}", ())


def test_profiles_and_variables_of_the_machine_are_somebody_elses(
    cloud: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    fields = fields_of(cloud.user("alice", "route53:*", "acm:*"))
    before = asked(fields)  # the emulator reads variables, too, but once
    for name, value in ELSEWHERE.items():
        monkeypatch.setenv(name, value)
    assert asked(fields) == before


def test_what_its_policies_do_not_allow_is_said(cloud: Aws) -> None:  # B9
    assert asked(fields_of(cloud.user("alice", "acm:*"))).cannot == (APPLY,)
    assert asked(fields_of(cloud.user("bob"))).cannot == (APPLY, DEPLOY)


def test_one_that_may_simulate_is_told_of_every_privilege(cloud: Aws) -> None:  # B9
    whole = asked(fields_of(cloud.user("alice", SIMULATE, *APPLYING, *DEPLOYING)))
    assert (whole.cannot, whole.detail["simulated"]) == ((), "the least privileges, by IAM")
    less = asked(fields_of(cloud.user("bob", SIMULATE, *APPLYING[:-2])))
    assert less.cannot == (
        "apply: route53:ChangeResourceRecordSets",
        "apply: route53:GetChange",
        *(f"deploy: {action}" for action in DEPLOYING),
    )


def test_temporary_keys_of_a_role_go_with_their_token_alone(cloud: Aws) -> None:
    key = cloud.session("deployer", SIMULATE, *APPLYING, *DEPLOYING)
    told = asked(fields_of(key))
    assert (told.principal, told.cannot) == (key.principal, ())
    with pytest.raises(Rejected, match="InvalidClientTokenId"):
        asked({**fields_of(key), "session-token": TOKEN})


def test_it_is_asked_for_in_the_credentials_region(cloud: Aws) -> None:
    key = cloud.user("alice", "acm:*", "route53:*")
    assert asked({**fields_of(key), "region": "eu-central-1"}).cannot == ()
    with pytest.raises(Unreachable, match="the proxy"):
        asked({**fields_of(key), "region": "eu-west-1"})


def test_an_unknown_or_disabled_key_is_rejected(cloud: Aws) -> None:
    key = cloud.user("alice")
    with pytest.raises(
        Rejected, match=r"InvalidClientTokenId: The security token .* is invalid. \(request 5a63903e"
    ) as caught:
        asked({**fields_of(key), "access-key-id": "AKIANOBODY"})
    assert caught.value.exit_code == 1
    cloud.iam.get_user("alice").update_access_key(key.id, "Inactive")
    with pytest.raises(Rejected, match="InvalidClientTokenId"):
        asked(fields_of(key))


def test_a_wrong_secret_is_rejected_and_never_repeated(
    cloud: Aws, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    key = cloud.user("alice")
    with pytest.raises(Rejected, match="SignatureDoesNotMatch: The request signature") as caught:
        asked({**fields_of(key), "secret-access-key": WRONG})
    assert_nothing_told(caught.value, ["cAnArY", key.secret], caplog, capfd)


@pytest.mark.parametrize(("ahead", "said"), [(1, "60 min behind"), (-1, "60 min ahead of")])
def test_a_clock_that_is_off_is_not_a_wrong_key(cloud: Aws, ahead: int, said: str) -> None:
    key = cloud.user("alice")
    cloud.now = lambda: datetime.now(UTC) + timedelta(hours=ahead)
    with pytest.raises(ClockSkew, match=said) as caught:
        asked(fields_of(key))
    assert caught.value.skew is not None
    assert abs(caught.value.skew + timedelta(hours=ahead)) < timedelta(minutes=1)


@pytest.mark.parametrize(
    "answer",
    [
        Response(503),
        Response(200, body=b"<html>"),
        Response(200, body=b"<GetCallerIdentityResponse></GetCallerIdentityResponse>"),
        Response(400, body=b"<ErrorResponse><Error><Code>Throttling</Code></Error></ErrorResponse>"),
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
            asked({"access-key-id": "AKIA", "secret-access-key": "a-key"})


def test_a_secret_that_no_request_can_carry_is_never_repeated(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(NotVerifiable, match="its secret-access-key has characters") as caught:
        asked({"access-key-id": "AKIA", "secret-access-key": UNSPEAKABLE})
    assert_nothing_told(caught.value, ["cAnArY"], caplog, capfd)

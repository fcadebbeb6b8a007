"""The emulated AWS lends a role to whom it trusts, for as long as it says, and to nobody else."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest

from tests.emulators.aws import ACCOUNT, Aws, aws
from tests.emulators.aws_trust import Asking, Trust, trust
from tests.emulators.signing import Denied, Key

ALICE = f"arn:aws:iam::{ACCOUNT}:user/alice"
ROOT = f"arn:aws:iam::{ACCOUNT}:root"
PROVIDER = f"arn:aws:iam::{ACCOUNT}:oidc-provider/issuer.example.test"
ID = {"StringEquals": {"sts:ExternalId": "an-id"}}
FORM = {"RoleArn": f"arn:aws:iam::{ACCOUNT}:role/tic", "RoleSessionName": "a-run", "DurationSeconds": "900"}


def policy(principal: object, condition: object = None, action: str = "sts:AssumeRole") -> str:
    statement = {"Effect": "Allow", "Principal": principal, "Action": action, "Condition": condition or {}}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@pytest.mark.parametrize(
    ("document", "context", "expected"),
    [
        (policy({"AWS": ALICE}), {}, Trust.PRINCIPAL),
        (policy({"AWS": ["x", ALICE]}), {}, Trust.PRINCIPAL),
        (policy({"AWS": ROOT}), {}, Trust.ACCOUNT),
        (policy({"AWS": ACCOUNT}), {}, Trust.ACCOUNT),
        (policy({"AWS": ALICE + "s"}), {}, Trust.NONE),
        (policy({"AWS": "arn:aws:iam::999999999999:root"}), {}, Trust.NONE),
        (policy({"Federated": ALICE}), {}, Trust.NONE),
        (policy({"AWS": ALICE}, action="sts:AssumeRoleWithWebIdentity"), {}, Trust.NONE),
        (policy({"AWS": ALICE}, ID), {"sts:ExternalId": "an-id"}, Trust.PRINCIPAL),
        (policy({"AWS": ALICE}, ID), {"sts:ExternalId": "another"}, Trust.NONE),
        (policy({"AWS": ALICE}, ID), {}, Trust.NONE),
    ],
)
def test_a_trust_policy_is_read_as_aws_reads_it(
    document: str, context: Mapping[str, str], expected: Trust
) -> None:
    assert trust(document, Asking("sts:AssumeRole", ALICE, context=context)) is expected


def test_an_identity_provider_is_trusted_for_its_subjects_alone() -> None:
    condition = {"StringLike": {"issuer.example.test:sub": "repo:org/*"}}
    document = policy({"Federated": PROVIDER}, condition, "sts:AssumeRoleWithWebIdentity")
    for subject, expected in (("repo:org/a", Trust.PRINCIPAL), ("repo:other/a", Trust.NONE)):
        context = {"issuer.example.test:sub": subject}
        asking = Asking("sts:AssumeRoleWithWebIdentity", PROVIDER, federated=True, context=context)
        assert trust(document, asking) is expected


def code(cloud: Aws, key: Key, form: Mapping[str, str], *, allowed: bool = True) -> str:
    """What taking the role on is refused with; empty where it is not."""
    try:
        cloud.roles.check(form, key, allowed=allowed)
    except Denied as denied:
        return denied.code
    return ""


def test_who_is_trusted_by_account_needs_a_policy_as_well() -> None:
    with aws() as cloud:
        key = cloud.user("alice")
        cloud.role("tic", policy({"AWS": ROOT}))
        assert code(cloud, key, FORM, allowed=False) == "AccessDenied"
        assert code(cloud, key, FORM) == ""
        cloud.iam.update_assume_role_policy("tic", policy({"AWS": ALICE}))
        assert code(cloud, key, FORM, allowed=False) == ""


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"DurationSeconds": "3600"}, ""),
        ({"DurationSeconds": "3601"}, "ValidationError"),
        ({"DurationSeconds": "899"}, "ValidationError"),
        ({"RoleSessionName": "a run"}, "ValidationError"),
        ({"RoleSessionName": "a" * 65}, "ValidationError"),
        ({"ExternalId": "a"}, "ValidationError"),
        ({"RoleArn": f"{FORM['RoleArn']}s"}, "AccessDenied"),
    ],
)
def test_what_sts_refuses_is_refused(changed: Mapping[str, str], expected: str) -> None:
    with aws() as cloud:
        key = cloud.user("alice")
        cloud.role("tic", policy({"AWS": ROOT}))
        assert code(cloud, key, {**FORM, **changed}) == expected


def test_a_session_ends_and_ends_with_its_role() -> None:
    answer = b"<AccessKeyId>ASIA1</AccessKeyId><Expiration>2026-01-01T00:00:00Z</Expiration>"
    with aws() as cloud:
        arn = cloud.role("tic", policy({"AWS": ROOT}))
        noted = cloud.roles.noted(FORM, answer)
        assert b"2026-01-01" not in noted
        cloud.roles.check_key("ASIA1", arn)
        cloud.now = lambda: datetime.now(UTC) + timedelta(seconds=901)
        with pytest.raises(Denied) as caught:
            cloud.roles.check_key("ASIA1", arn)
        assert caught.value.code == "ExpiredToken"
        cloud.now = lambda: datetime.now(UTC)
        cloud.iam.delete_role_policy("tic", "allowed")
        cloud.iam.delete_role("tic")
        with pytest.raises(Denied) as caught:
            cloud.roles.check_key("ASIA1", arn)
        assert caught.value.code == "InvalidClientTokenId"

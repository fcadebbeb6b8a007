"""The least privileges are those of the document that asks for them, and the clouds take their policies."""

import json
from typing import Any

import pytest
import yaml

from credentials import kinds, privileges
from credentials.privileges import LeastPrivileges, NoPrivileges, Purpose

# By provider: what applying (DNS-01) and deploying need at least, as the clouds' own document says.
LEAST = {
    "alicloud": (["AliyunDNSFullAccess"], ["AliyunYundunCertFullAccess"]),
    "tencentcloud": (["QcloudDNSPodFullAccess"], ["QcloudSSLFullAccess"]),
    "baiducloud": (["DNSOperatePolicy"], ["CASFullControlPolicy"]),
    "huaweicloud": (["DNSFullAccess"], ["SCMFullAccess"]),
    "volcengine": (["DNSFullAccess"], ["SSLFullAccess"]),
    "jdcloud": (["JDCloudHTTPDNSAdmin"], ["JDCloudSSLAdmin"]),
    "aws": (
        [
            "route53:ListHostedZones",
            "route53:ListHostedZonesByName",
            "route53:GetHostedZone",
            "route53:ListResourceRecordSets",
            "route53:ChangeResourceRecordSets",
            "route53:GetChange",
        ],
        ["acm:ListCertificates", "acm:GetCertificate", "acm:ImportCertificate"],
    ),
    "azure": (
        ["Microsoft.Network/dnsZones/read", "Microsoft.Network/dnsZones/TXT/*"],
        ["Microsoft.KeyVault/vaults/certificates/read", "Microsoft.KeyVault/vaults/certificates/write"],
    ),
    "cloudflare": (["Zone / Zone / Read", "Zone / DNS / Edit"], None),  # it says nothing of deploying
    "kubernetes": (None, None),  # nor of clusters
}
ECS = {
    "ecs:DescribeInstances",
    "ecs:DescribeCloudAssistantStatus",
    "ecs:DescribeInvocationResults",
    "ecs:InstallCloudAssistant",
    "ecs:RebootInstance",
    "ecs:RunCommand",
}
EVERY = [
    (known, one) for known in map(privileges.load, privileges.providers()) for one in known.purposes.values()
]


def test_each_provider_needs_what_the_document_says_to_the_letter() -> None:  # B9
    assert set(privileges.providers()) == set(LEAST)
    for provider, (applying, deploying) in LEAST.items():
        purposes = privileges.load(provider).purposes
        assert applying is None or list(purposes["apply"].privileges) == applying
        assert deploying is None or list(purposes["deploy"].privileges) == deploying


def test_deploying_needs_the_related_services_besides() -> None:  # B9
    for provider in LEAST.keys() - {"cloudflare", "kubernetes"}:
        assert "related services or resources" in (privileges.load(provider).purposes["deploy"].also or "")


def test_deploying_to_instances_of_alibaba_needs_three_to_read_and_three_to_write() -> None:  # B9
    purpose = privileges.load("alicloud").purposes["ecs"]
    assert set(purpose.privileges) == ECS
    assert len(purpose.words) == 6
    (statement,) = purpose.policy["Statement"]
    assert set(statement["Action"]) == ECS


def test_every_provider_is_a_kind_of_credential() -> None:
    assert {kinds.load(provider).name for provider in privileges.providers()} == set(LEAST)


@pytest.mark.parametrize(("known", "purpose"), EVERY, ids=[f"{a.provider}-{b.name}" for a, b in EVERY])
def test_each_purpose_has_a_policy_that_allows_and_denies_nothing_else(
    known: LeastPrivileges, purpose: Purpose
) -> None:
    document = (
        json.loads(purpose.document()) if purpose.form == "json" else yaml.safe_load(purpose.document())
    )
    assert document == purpose.policy
    granted = {str(one) for one in leaves(document)}
    assert "deny" not in {one.lower() for one in granted}
    actions = {one for one in granted if ":" in one and not one.startswith(("bce:", "com."))}
    assert not {one for one in actions if one.endswith(":*") or one == "*"}


def test_a_policy_of_actions_grants_exactly_the_privileges() -> None:
    for name in ("apply", "deploy"):
        purpose = privileges.load("aws").purposes[name]
        (statement,) = purpose.policy["Statement"]
        assert tuple(statement["Action"]) == purpose.privileges
    applying = privileges.load("azure").purposes["apply"]
    assert tuple(applying.policy["Actions"]) == applying.privileges


def test_a_role_of_kubernetes_grants_exactly_the_privileges() -> None:  # B9
    purpose = privileges.load("kubernetes").purposes["deploy"]
    role = yaml.safe_load(purpose.document())
    assert (role["apiVersion"], role["kind"]) == ("rbac.authorization.k8s.io/v1", "Role")
    (rule,) = role["rules"]
    assert (rule["apiGroups"], rule["resources"]) == ([""], ["secrets"])
    assert tuple(f"{verb} secrets" for verb in rule["verbs"]) == purpose.privileges


def test_aws_takes_its_policies(monkeypatch: pytest.MonkeyPatch) -> None:
    import boto3
    from moto import mock_aws

    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with mock_aws():
        iam = boto3.client("iam", "us-east-1", aws_access_key_id="an-id", aws_secret_access_key="a-key")
        for name, purpose in privileges.load("aws").purposes.items():
            made = iam.create_policy(PolicyName=f"tic-{name}", PolicyDocument=purpose.document())
            version = iam.get_policy_version(PolicyArn=made["Policy"]["Arn"], VersionId="v1")
            assert version["PolicyVersion"]["Document"] == purpose.policy
        iam.close()


def test_an_unknown_provider_is_told_which_are_known() -> None:
    with pytest.raises(NoPrivileges, match="did you mean alicloud") as caught:
        privileges.load("aliclud")
    assert "alicloud, aws, azure" in caught.value.hint


def leaves(value: Any) -> list[Any]:
    """Everything in a document that holds nothing else."""
    if isinstance(value, dict):
        return [leaf for one in value.values() for leaf in leaves(one)]
    if isinstance(value, list):
        return [leaf for one in value for leaf in leaves(one)]
    return [value]

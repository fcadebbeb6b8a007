"""`tic creds privileges`: transcripts."""

import json

import pytest

from tests.cli.command import Tic, refusal


def test_all_purposes_of_a_provider(fresh: Tic) -> None:  # B9: it needs no vault
    said = fresh("creds", "privileges", "alicloud")
    assert said.code == 0
    assert said.out == (
        "apply: Applying (DNS-01 challenge)\n"
        "  AliyunDNSFullAccess\n"
        "\n"
        "deploy: Deploying\n"
        "  AliyunYundunCertFullAccess\n"
        "  + full access to the related services or resources\n"
        "\n"
        "ecs: Deploying to ECS instances\n"
        "  ecs:DescribeInstances             read ECS instances\n"
        "  ecs:DescribeCloudAssistantStatus  read Cloud Assistant status\n"
        "  ecs:DescribeInvocationResults     read Cloud Command execution results\n"
        "  ecs:InstallCloudAssistant         install Cloud Assistant on ECS instances\n"
        "  ecs:RebootInstance                restart ECS instances\n"
        "  ecs:RunCommand                    execute Cloud Assistant commands\n"
    )
    assert said.err == "  next: tic creds privileges alicloud --for apply --format policy\n"


def test_one_purpose(fresh: Tic) -> None:
    said = fresh("creds", "privileges", "tencentcloud", "--for", "deploy")
    assert said.out == (
        "deploy: Deploying\n  QcloudSSLFullAccess\n  + full access to the related services or resources\n"
    )


def test_a_policy_to_paste_is_alone_on_stdout(fresh: Tic) -> None:  # B9
    said = fresh("creds", "privileges", "azure", "--for", "apply", "--format", "policy")
    assert said.code == 0
    assert json.loads(said.out)["Actions"] == [
        "Microsoft.Network/dnsZones/read",
        "Microsoft.Network/dnsZones/TXT/*",
    ]
    assert said.err.splitlines()[1] == "  put your subscription's id in the place of SUBSCRIPTION-ID"


def test_everything_as_json(fresh: Tic) -> None:
    said = fresh("creds", "privileges", "aws", "--format", "json")
    purposes = json.loads(said.out)["purposes"]
    assert list(purposes) == ["apply", "deploy"]
    assert purposes["apply"]["policy"]["Version"] == "2012-10-17"
    assert purposes["apply"]["calls"]["publish"] == [
        "route53:ListHostedZonesByName",
        "route53:ListResourceRecordSets",
        "route53:ChangeResourceRecordSets",
        "route53:GetChange",
    ]


def test_of_two_documents_that_disagree_the_calls_decide(fresh: Tic) -> None:  # D6
    said = fresh("creds", "privileges", "aws", "--for", "apply")
    called = [line.split()[0] for line in said.out.splitlines() if "  called" in line]
    assert called == [
        "route53:ListHostedZonesByName",
        "route53:ListResourceRecordSets",
        "route53:ChangeResourceRecordSets",
        "route53:GetChange",
    ]


@pytest.mark.parametrize(
    ("words", "code", "error"),
    [
        (("aliclod",), 4, "nothing is known about least privileges of 'aliclod' (did you mean alicloud?)"),
        (("aws", "--for", "ecs"), 2, "aws has no privileges for 'ecs'; it has them for apply, deploy"),
        (("aws", "--format", "policy"), 2, "a policy of aws is for one purpose: apply, deploy"),
        (("aws", "--format", "xml"), 2, "'xml' is no format"),
    ],
)
def test_what_there_is_not(fresh: Tic, words: tuple[str, ...], code: int, error: str) -> None:
    said = fresh("creds", "privileges", *words)
    assert (said.code, refusal(said)[0]) == (code, error)

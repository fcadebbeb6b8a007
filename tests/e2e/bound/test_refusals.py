"""C2, A10: what a cloud refuses a bound credential is said by its name; a role's sessions reach real SDKs."""

import json
from dataclasses import replace

import pytest

from tests.e2e.bound.world import ALICLOUD, World
from tests.emulators.assumed_roles import CloudRole

pytestmark = pytest.mark.server

RECORD = """
import pulumi_alicloud as alicloud
alicloud.dns.AlidnsRecord("www", domain_name="example.com", rr="www", type="A", value="192.0.2.1")
"""
ARN = f"acs:ram::{ALICLOUD.account}:role/tic"


def test_a_key_that_may_not_is_refused_and_never_told(bound: World) -> None:
    bound.ali.keys[ALICLOUD.id] = replace(ALICLOUD, denied=frozenset({"alidns:AddDomainRecord"}))
    bound.keep("own", ALICLOUD)
    bound.program(RECORD)
    bound.tic("stack", "new", "dev", "--provider", "alicloud")
    failed = bound.tic("stack", "up", "site/dev", code=1)
    assert "Forbidden.RAM" in failed.err
    assert "bound to nothing" not in failed.err
    assert ALICLOUD.secret not in failed.err
    bound.ali.keys[ALICLOUD.id] = replace(ALICLOUD, disabled=True)
    assert "InvalidAccessKeyId.Inactive" in bound.tic("stack", "up", "site/dev", code=1).err


def test_the_sessions_of_a_linked_role_reach_the_provider_and_no_key_does(bound: World) -> None:
    trust = {
        "Effect": "Allow",
        "Action": "sts:AssumeRole",
        "Principal": {"RAM": [f"acs:ram::{ALICLOUD.account}:root"]},
    }
    bound.ali.ram.roles[ARN] = CloudRole(json.dumps({"Version": "1", "Statement": [trust]}))
    bound.keep("source", ALICLOUD)
    bound.tic("role", "enable", "alicloud", "--role", ARN, "--source", "credential:source")
    bound.program(RECORD)
    bound.tic("stack", "new", "dev", "--provider", "alicloud")
    bound.forget()
    bound.tic("stack", "up", "site/dev")
    used = {id_ for id_, action in bound.ali.calls if action == "AddDomainRecord"}
    assert used <= set(bound.ali.ram.sessions)
    assert len(used) == 1
    for _, variables in bound.environments():
        assert ALICLOUD.secret not in variables.values()

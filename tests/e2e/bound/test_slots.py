"""C2: two credentials of one provider in one stack, each for its own instance of the provider."""

from pathlib import Path

import pytest

from tests.e2e.bound.world import ALICLOUD, DOMAIN, OTHER_ALICLOUD, OTHER_DOMAIN, TEMPORARY_ALICLOUD, World

pytestmark = pytest.mark.server

OWN = f"""
import pulumi
import pulumi_alicloud as alicloud

def record(name, domain, opts=None):
    alicloud.dns.AlidnsRecord(name, domain_name=domain, rr="www", type="A", value="192.0.2.1", opts=opts)

record("own", {DOMAIN!r})
"""
OTHER = f"""
from stacks.slots import slot

other = alicloud.Provider("other", opts=slot("alicloud", "other"))
record("other", {OTHER_DOMAIN!r}, pulumi.ResourceOptions(provider=other))
"""
YAML = f"""
name: site
runtime: yaml
resources:
  other:
    type: pulumi:providers:alicloud
    options:
      version: 4.0.0
      envVarMappings:
        OTHER_ALICLOUD_ACCESS_KEY: ALICLOUD_ACCESS_KEY
        OTHER_ALICLOUD_SECRET_KEY: ALICLOUD_SECRET_KEY
        OTHER_ALICLOUD_SECURITY_TOKEN: ALICLOUD_SECURITY_TOKEN
  record:
    type: alicloud:dns:AlidnsRecord
    properties: {{domainName: {OTHER_DOMAIN}, rr: yaml, type: A, value: 192.0.2.1}}
    options: {{provider: "${{other}}", version: 4.0.0}}
"""


def test_each_instance_of_a_provider_works_with_its_own_credential(bound: World) -> None:
    bound.keep("own", TEMPORARY_ALICLOUD)  # with a token, which must not go with the other's key
    bound.keep("other", OTHER_ALICLOUD)
    bound.program(OWN + OTHER)
    bound.tic("stack", "new", "dev", "--provider", "alicloud")
    early = bound.tic("stack", "up", "site/dev", code=1).err
    assert "stack site/dev is bound to no credential of alicloud as other" in early
    assert "tic stack bind site/dev CREDENTIAL --as other" in early
    assert OTHER_ALICLOUD.id not in bound.calls()
    said = bound.tic("stack", "bind", "site/dev", "other", "--as", "other").err
    assert '"OTHER_ALICLOUD_ACCESS_KEY": "ALICLOUD_ACCESS_KEY"' in said
    bound.tic("stack", "up", "site/dev")
    records = {one["DomainName"]: account for (account, _), one in bound.ali.products.records.items()}
    assert records == {DOMAIN: ALICLOUD.account, OTHER_DOMAIN: OTHER_ALICLOUD.account}
    assert bound.calls() == {TEMPORARY_ALICLOUD.id, OTHER_ALICLOUD.id}
    shown = bound.json("stack", "show", "site/dev")
    served = [(one["provider"], one["slot"], one["credential"]) for one in shown["bindings"]]
    assert served == [("alicloud", "", "own"), ("alicloud", "other", "other")]
    assert "alicloud as other by other" in bound.tic("stack", "show", "site/dev").out
    assert "site/dev" in bound.tic("creds", "delete", "other", "--yes", code=3).err  # A8
    refused = bound.tic("stack", "unbind", "site/dev", "--as", "other", code=3).err
    assert "pulumi:providers:alicloud other needs it" in refused

    bound.program(OWN)
    bound.tic("stack", "up", "site/dev")
    assert "alicloud as other" in bound.tic("stack", "unbind", "site/dev", "--as", "other").err
    bound.tic("creds", "delete", "other", "--yes")
    for secret in (TEMPORARY_ALICLOUD.secret, TEMPORARY_ALICLOUD.token, OTHER_ALICLOUD.secret):
        assert [path for path in bound.own.home.rglob("*") if path.is_file() and secret in text(path)] == []


def test_a_program_in_yaml_names_the_variables_of_the_slot(bound: World, yaml_command: Path) -> None:
    bound.own.variables["PATH"] = f"{yaml_command.parent}:{bound.own.variables['PATH']}"
    bound.keep("own", ALICLOUD)
    bound.keep("other", OTHER_ALICLOUD)
    (bound.folder / "Pulumi.yaml").write_text(YAML)
    bound.tic("stack", "new", "dev", "--provider", "alicloud")
    bound.tic("stack", "bind", "site/dev", "other", "--as", "other")
    bound.tic("stack", "up", "site/dev")
    assert bound.calls() == {OTHER_ALICLOUD.id}
    assert [account for account, _ in bound.ali.products.records] == [OTHER_ALICLOUD.account]


def text(path: Path) -> str:
    return path.read_bytes().decode(errors="replace")

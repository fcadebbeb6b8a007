"""C2: the credential that a stack is bound to, and no other, reaches its providers; with the real SDKs."""

import pytest

from credentials import fallbacks
from engine import environment
from tests.e2e.bound.world import ALICLOUD, STRAY, STRAY_ALICLOUD, STRAY_TENCENTCLOUD, TENCENTCLOUD, World
from tests.e2e.test_secrets import forms, places

pytestmark = pytest.mark.server

BOTH = """
import pulumi
import pulumi_alicloud as alicloud
import tencentcloud_iac_pulumi as tencentcloud

alicloud.dns.AlidnsRecord("www", domain_name="example.com", rr="www", type="A", value={value!r}, ttl=600)
alicloud.vpc.Network("net", cidr_block="10.0.0.0/16", vpc_name="site")
tencentcloud.dnspod.Record(
    "www-tencent", domain="example.com", sub_domain="www", record_type="A", record_line="默认",
    value={value!r}, ttl=600,
)
vpc = tencentcloud.vpc.Instance("net-tencent", cidr_block="10.1.0.0/16", name="site")
pulumi.export("who", alicloud.get_caller_identity().arn)
pulumi.export("networks", vpc.id.apply(lambda _: len(tencentcloud.vpc.get_instances().instance_lists)))
"""
# What Pulumi's engine, the shells that start the plugins, and the run itself add.
ADDED = {"PWD", "SHLVL", "_", "OLDPWD"}
DELIVERED = {
    "ALICLOUD_ACCESS_KEY", "ALICLOUD_SECRET_KEY", "TENCENTCLOUD_SECRET_ID", "TENCENTCLOUD_SECRET_KEY",
}  # fmt: skip


def test_the_bound_credential_and_no_other_reaches_the_provider(bound: World) -> None:
    bound.keep("site", ALICLOUD)
    bound.keep("tencent", TENCENTCLOUD)
    bound.keep("another", STRAY_ALICLOUD)
    bound.new_credential("aws", "aws", access_key_id="AKIA", secret_access_key="cAnArY-active-aws")
    bound.new_credential("flare", "cloudflare", api_token="cAnArY-active-cloudflare-0123456789abcdef")
    bound.program(BOTH.format(value="192.0.2.1"))
    bound.tic("stack", "new", "dev", "--provider", "alicloud", "--provider", "tencentcloud")
    bound.tic("creds", "activate", "another")  # B3: the binding stays
    said = [bound.tic("stack", "up", "site/dev").err]
    assert bound.outputs() == {"who": f"acs:ram::{ALICLOUD.account}:user/site", "networks": 1}
    bound.program(BOTH.format(value="192.0.2.2"))
    said.append(bound.tic("stack", "up", "site/dev").err)
    assert [one["Value"] for one in bound.ali.products.records.values()] == ["192.0.2.2"]
    assert [one["Value"] for one in bound.tencent.products.records.values()] == ["192.0.2.2"]
    said.append(bound.tic("stack", "refresh", "site/dev").err)
    said += [bound.tic("stack", part, "site/dev", "--json").out for part in ("show", "history", "outputs")]
    assert bound.calls() == {ALICLOUD.id, TENCENTCLOUD.id}
    assert bound.clouds.refused == []
    assert_only_bound(bound)
    assert_nowhere(bound, said)
    bound.tic("stack", "destroy", "site/dev", "--yes")
    for products in (bound.ali.products, bound.tencent.products):
        assert not products.records
        assert not products.networks


def assert_only_bound(bound: World) -> None:
    """The whole environment of each process is what it may be, and no stray value is in any."""
    known = environment.PASSED_ON | environment.OWN | set(fallbacks.closes()) | ADDED
    seen = list(bound.environments())
    assert {who for who, _ in seen} == {"program", "engine", "plugin"}
    for who, variables in seen:
        names = {name for name in variables if not name.startswith(("LC_", "TIC_", "PULUMI_"))}
        assert names <= known | (set() if who == "program" else DELIVERED), who
        assert not {name for name in STRAY if variables.get(name) == STRAY[name]}, who
        assert "cAnArY-stray" not in str(variables), who
        assert "cAnArY-active" not in str(variables), who
        if who == "program":
            assert "cAnArY" not in str(variables)


def assert_nowhere(bound: World, said: list[str]) -> None:
    """No secret of a bound credential is in an argument, on disk, or in what was said."""
    kept = list(places(bound.own.home, bound.folder))
    kept += [("said", text.encode()) for text in said]
    arguments = list(bound.arguments())
    assert any("pulumi up" in text.replace("\0", " ") for text in arguments)
    kept += [("arguments", text.encode()) for text in arguments]
    for secret in (ALICLOUD.secret.encode(), TENCENTCLOUD.secret.encode()):
        for form in forms(secret):
            assert [path for path, text in kept if form in text] == []


def test_a_provider_that_the_stack_is_bound_to_nothing_for_gets_nothing(bound: World) -> None:  # A1
    bound.keep("site", ALICLOUD)
    bound.keep("tencent", TENCENTCLOUD)  # Active, and not the stack's
    bound.program(
        "import pulumi_alicloud as alicloud, tencentcloud_iac_pulumi as tencentcloud\n"
        'alicloud.vpc.Network("net", cidr_block="10.0.0.0/16",'
        ' opts=__import__("pulumi").ResourceOptions(provider=alicloud.Provider("own", profile="default")))\n'
        'tencentcloud.vpc.Instance("net", cidr_block="10.1.0.0/16", name="site")\n'
    )
    bound.tic("stack", "new", "dev", "--provider", "alicloud")
    failed = bound.tic("stack", "up", "site/dev", code=1)
    assert (
        "stack site/dev is bound to nothing for tencentcloud, so its provider got no credential" in failed.err
    )
    assert "tic stack bind site/dev --provider tencentcloud" in failed.err
    assert bound.tencent.calls == []
    assert bound.calls() <= {ALICLOUD.id}
    assert_only_bound(bound)
    # What the user passes on by name opens the files of that provider, for this run.
    bound.tic("stack", "up", "site/dev", "--env", "TENCENTCLOUD_PROFILE")
    assert STRAY_TENCENTCLOUD.id in bound.calls()
    bound.forget()
    said = bound.tic("stack", "bind", "site/dev", "--provider", "tencentcloud").err
    assert "uses credential tencent for tencentcloud" in said
    bound.tic("stack", "destroy", "site/dev", "--yes")
    assert bound.calls() == {ALICLOUD.id, TENCENTCLOUD.id}

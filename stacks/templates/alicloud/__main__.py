"""A DNS record and a network in Alibaba Cloud. Its keys come from the stack, and stand nowhere here."""

import pulumi
import pulumi_alicloud as alicloud

config = pulumi.Config()
provider = alicloud.Provider("alicloud", region=config.get("region") or None)
options = pulumi.ResourceOptions(provider=provider)

record = alicloud.dns.AlidnsRecord(
    "record",
    domain_name=config.require("domain"),
    rr=config.require("record"),
    type="A",
    value=config.require("address"),
    ttl=600,
    opts=options,
)
network = alicloud.vpc.Network(
    "network",
    vpc_name=f"{pulumi.get_project()}-{pulumi.get_stack()}",
    cidr_block=config.require("cidr"),
    opts=options,
)
identity = alicloud.get_caller_identity_output(opts=pulumi.InvokeOutputOptions(provider=provider))

pulumi.export("record", pulumi.Output.concat(record.rr, ".", record.domain_name))
pulumi.export("network", network.id)
pulumi.export("account", identity.account_id)

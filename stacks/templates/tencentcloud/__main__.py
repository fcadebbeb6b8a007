"""A DNS record and a network in Tencent Cloud. Its keys come from the stack, and stand nowhere here."""

import pulumi
import tencentcloud_iac_pulumi as tencentcloud

config = pulumi.Config()
provider = tencentcloud.Provider("tencentcloud", region=config.get("region") or None)
options = pulumi.ResourceOptions(provider=provider)

record = tencentcloud.dnspod.Record(
    "record",
    domain=config.require("domain"),
    sub_domain=config.require("record"),
    record_type="A",
    record_line="默认",  # DNSPod's name of the default line
    value=config.require("address"),
    ttl=600,
    opts=options,
)
network = tencentcloud.vpc.Instance(
    "network",
    name=f"{pulumi.get_project()}-{pulumi.get_stack()}",
    cidr_block=config.require("cidr"),
    opts=options,
)

pulumi.export("record", pulumi.Output.concat(config.require("record"), ".", record.domain))
pulumi.export("network", network.id)

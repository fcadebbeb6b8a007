"""A certificate that two deployments share, by the typed classes of tic."""

from pathlib import Path

import pulumi

from stacks.deployments import Directory, Endpoint
from stacks.resources import Account, IssuedCertificate

config = pulumi.Config()
directory = config.require("directory")
domains = config.require_object("domains")
ca_file = config.get("caFile")
roots = Path(ca_file).read_text(encoding="utf-8") if ca_file else None

account = Account("account", directory_url=directory, ca_certificates=roots)
certificate = IssuedCertificate(
    "certificate",
    directory_url=directory,
    ca_certificates=roots,
    account_uri=account.account_uri,
    account_key_pem=account.private_key_pem,
    domains=domains,
    nameservers=config.get_object("nameservers"),
)
for folder in config.require_object("folders"):
    files = Directory(
        folder,
        path=folder,
        certificate_pem=certificate.certificate_pem,
        chain_pem=certificate.chain_pem,
        private_key_pem=certificate.private_key_pem,
        domains=domains,
    )
if endpoint := config.get("endpoint"):
    served = Endpoint(
        endpoint,
        address=endpoint,
        certificate_pem=certificate.certificate_pem,
        chain_pem=certificate.chain_pem,
        opts=pulumi.ResourceOptions(depends_on=[files]),
    )
    pulumi.export("served", served.serial)

pulumi.export("serial", certificate.serial)
pulumi.export("not_after", certificate.not_after)

"""A certificate by ACME DNS-01, and where it goes. The settings are in `Pulumi.<stack>.yaml`; change this as
you like.
"""

from pathlib import Path

import pulumi

from stacks.deployments import Directory, Endpoint
from stacks.resources import IssuedCertificate

config = pulumi.Config()
ca_file = config.get("caFile")
csr_file = config.get("csrFile")

certificate = IssuedCertificate(
    "certificate",
    directory_url=config.require("directory"),
    ca_certificates=Path(ca_file).read_text(encoding="utf-8") if ca_file else None,
    email=config.get("email") or None,
    eab_credential=config.get("eabCredential") or None,
    domains=config.require_object("domains"),
    key_type=config.get("keyType") or None,
    keep_key=config.get_bool("keepKey"),
    must_staple=config.get_bool("mustStaple"),
    csr_pem=Path(csr_file).read_text(encoding="utf-8") if csr_file else None,
    profile=config.get("profile") or None,
    preferred_chain=config.get("preferredChain") or None,
    provider=config.get("provider") or None,
    nameservers=config.get_object("nameservers") or None,
    timing=config.get_object("timing") or None,
    native_records=config.get_bool("nativeRecords"),
)

if path := config.get("deployDirectory"):
    deployed = Directory(
        "files",
        path=str(Path(path).expanduser().absolute()),
        certificate_pem=certificate.certificate_pem,
        chain_pem=certificate.chain_pem,
        private_key_pem=certificate.private_key_pem,
        command=config.get_object("deployCommand") or None,
    )
    pulumi.export("files", deployed.path)
    for address in config.get_object("endpoints") or []:
        Endpoint(
            address,
            address=address,
            certificate_pem=certificate.certificate_pem,
            chain_pem=certificate.chain_pem,
            opts=pulumi.ResourceOptions(depends_on=[deployed]),
        )

pulumi.export("domains", certificate.domains)
pulumi.export("issuer", certificate.issuer)
pulumi.export("serial", certificate.serial)
pulumi.export("notBefore", certificate.not_before)
pulumi.export("notAfter", certificate.not_after)
pulumi.export("fullchain", certificate.fullchain_pem)
if not csr_file:
    pulumi.export("privateKey", certificate.private_key_pem)

"""A certificate by ACME DNS-01, and where it goes. The settings are in `Pulumi.<stack>.yaml`; change this as
you like.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pulumi

from stacks.deployments import Directory, Endpoint
from stacks.resources import IssuedCertificate

config = pulumi.Config()


def text_of(setting: str) -> str | None:
    """What stands in the file that a setting names; a path is taken from the folder of the program."""
    if not (name := config.get(setting)):
        return None
    try:
        return Path(name).expanduser().read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is no text"
        raise pulumi.RunError(f"the setting {setting} names {name}, which can't be read: {why}") from None


csr = text_of("csrFile")
domains = config.require_object("domains")

account: dict[str, Any] = {}
if account_stack := config.get("accountStack"):
    other = pulumi.StackReference(f"{pulumi.get_organization()}/{account_stack}").outputs

    def of_other(name: str) -> pulumi.Output[str]:
        """What the other stack exports; a run that can't read it ends, and makes no account of its own."""

        def read(outputs: Mapping[str, str] | None) -> str:
            if not outputs or name not in outputs:
                raise pulumi.RunError(f"the stack {account_stack} exports no {name}, or is not to be read")
            return outputs[name]

        return other.apply(read)

    account = {
        "account_uri": pulumi.Output.unsecret(of_other("accountUri")),
        "account_key_pem": of_other("accountKey"),
    }

certificate = IssuedCertificate(
    "certificate",
    directory_url=config.require("directory"),
    ca_certificates=text_of("caFile"),
    email=config.get("email") or None,
    contacts=config.get_object("contacts") or None,
    eab_credential=config.get("eabCredential") or None,
    domains=domains,
    key_type=config.get("keyType") or None,
    keep_key=config.get_bool("keepKey"),
    must_staple=config.get_bool("mustStaple"),
    csr_pem=csr,
    profile=config.get("profile") or None,
    preferred_chain=config.get("preferredChain") or None,
    provider=config.get("provider") or None,
    nameservers=config.get_object("nameservers") or None,
    timing=config.get_object("timing") or None,
    native_records=config.get_bool("nativeRecords"),
    account_key_epoch=config.get_int("accountKeyEpoch"),
    **account,
)

if path := config.get("deployDirectory"):
    deployed = Directory(
        "files",
        path=str(Path(path).expanduser().absolute()),
        certificate_pem=certificate.certificate_pem,
        chain_pem=certificate.chain_pem,
        private_key_pem=certificate.private_key_pem,
        domains=domains,
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
else:
    for setting in ("deployCommand", "endpoints"):
        if config.get_object(setting):
            raise pulumi.RunError(
                f"the setting {setting} is for what deployDirectory holds, which is not set"
            )

pulumi.export("domains", certificate.domains)
pulumi.export("issuer", certificate.issuer)
pulumi.export("serial", certificate.serial)
pulumi.export("notBefore", certificate.not_before)
pulumi.export("notAfter", certificate.not_after)
pulumi.export("fullchain", certificate.fullchain_pem)
if not csr:
    pulumi.export("privateKey", certificate.private_key_pem)
pulumi.export("accountUri", certificate.account_uri)
pulumi.export("accountKey", certificate.account_key_pem)

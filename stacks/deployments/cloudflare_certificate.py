"""tic:deploy/cloudflareCertificate:CloudflareCertificate for programs in Python."""

from collections.abc import Sequence

from pulumi import Input, Output, ResourceOptions

from stacks.deployments.stored import StoredCertificate


class CloudflareCertificate(StoredCertificate):
    """A custom certificate of a zone at Cloudflare (32 hexadecimal digits), with its chain as it is."""

    type_token = "tic:deploy/cloudflareCertificate:CloudflareCertificate"  # noqa: S105  (a type token)
    zone_id: Output[str]
    bundle_method: Output[str]
    clients: Output[str]

    def __init__(
        self,
        name: str,
        *,
        zone_id: Input[str],
        certificate_pem: Input[str],
        private_key_pem: Input[str],
        chain_pem: Input[str | None] = None,
        domains: Input[Sequence[Input[str]] | None] = None,
        credential: Input[str | None] = None,
        bundle_method: Input[str | None] = None,
        clients: Input[str | None] = None,
        opts: ResourceOptions | None = None,
    ) -> None:
        inputs = {
            "zone_id": zone_id,
            "certificate_pem": certificate_pem,
            "chain_pem": chain_pem,
            "private_key_pem": private_key_pem,
            "domains": domains,
            "credential": credential,
            "bundle_method": bundle_method,
            "clients": clients,
        }
        super().__init__(self.type_token, name, inputs, opts)

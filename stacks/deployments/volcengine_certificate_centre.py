"""tic:deploy/volcengineCertificateCentre:VolcengineCertificateCentre for programs in Python."""

from collections.abc import Sequence

from pulumi import Input, ResourceOptions

from stacks.deployments.stored import StoredCertificate


class VolcengineCertificateCentre(StoredCertificate):
    """A certificate in Volcano Engine's certificate centre; a renewal goes in before the old one goes out."""

    type_token = "tic:deploy/volcengineCertificateCentre:VolcengineCertificateCentre"  # noqa: S105  (a type token)

    def __init__(
        self,
        name: str,
        *,
        certificate_pem: Input[str],
        private_key_pem: Input[str],
        chain_pem: Input[str | None] = None,
        domains: Input[Sequence[Input[str]] | None] = None,
        credential: Input[str | None] = None,
        opts: ResourceOptions | None = None,
    ) -> None:
        inputs = {
            "certificate_pem": certificate_pem,
            "chain_pem": chain_pem,
            "private_key_pem": private_key_pem,
            "domains": domains,
            "credential": credential,
        }
        super().__init__(self.type_token, name, inputs, opts)

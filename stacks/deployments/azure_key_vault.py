"""tic:deploy/azureKeyVault:AzureKeyVault for programs in Python."""

from collections.abc import Sequence

from pulumi import Input, Output, ResourceOptions

from stacks.deployments.stored import StoredCertificate


class AzureKeyVault(StoredCertificate):
    """A certificate in an Azure key vault (https://my-vault.vault.azure.net), each renewal a new version."""

    type_token = "tic:deploy/azureKeyVault:AzureKeyVault"  # noqa: S105  (a type token)
    vault_url: Output[str]
    certificate_name: Output[str | None]

    def __init__(
        self,
        name: str,
        *,
        vault_url: Input[str],
        certificate_pem: Input[str],
        private_key_pem: Input[str],
        chain_pem: Input[str | None] = None,
        domains: Input[Sequence[Input[str]] | None] = None,
        credential: Input[str | None] = None,
        certificate_name: Input[str | None] = None,
        opts: ResourceOptions | None = None,
    ) -> None:
        inputs = {
            "vault_url": vault_url,
            "certificate_name": certificate_name,
            "certificate_pem": certificate_pem,
            "chain_pem": chain_pem,
            "private_key_pem": private_key_pem,
            "domains": domains,
            "credential": credential,
        }
        super().__init__(self.type_token, name, inputs, opts)

"""tic:deploy/kubernetesSecret:KubernetesSecret for programs in Python."""

from collections.abc import Sequence

from pulumi import Input, Output, ResourceOptions

from stacks.deployments.stored import StoredCertificate


class KubernetesSecret(StoredCertificate):
    """A certificate in a Kubernetes Secret of the type kubernetes.io/tls, renewed in place."""

    type_token = "tic:deploy/kubernetesSecret:KubernetesSecret"  # noqa: S105  (a type token)
    namespace: Output[str | None]
    secret_name: Output[str | None]
    secret: Output[str]

    def __init__(
        self,
        name: str,
        *,
        certificate_pem: Input[str],
        private_key_pem: Input[str],
        chain_pem: Input[str | None] = None,
        domains: Input[Sequence[Input[str]] | None] = None,
        credential: Input[str | None] = None,
        namespace: Input[str | None] = None,
        secret_name: Input[str | None] = None,
        opts: ResourceOptions | None = None,
    ) -> None:
        inputs = {
            "namespace": namespace,
            "secret_name": secret_name,
            "certificate_pem": certificate_pem,
            "chain_pem": chain_pem,
            "private_key_pem": private_key_pem,
            "domains": domains,
            "credential": credential,
        }
        super().__init__(self.type_token, name, inputs, opts)

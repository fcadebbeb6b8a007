"""tic:deploy/tencentcloudSsl:TencentcloudSsl for programs in Python."""

from collections.abc import Sequence

from pulumi import Input, ResourceOptions

from stacks.deployments.stored import StoredCertificate


class TencentcloudSsl(StoredCertificate):
    """A certificate in Tencent Cloud's SSL Certificate Service; each renewal has an id of its own."""

    type_token = "tic:deploy/tencentcloudSsl:TencentcloudSsl"  # noqa: S105  (a type token)

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

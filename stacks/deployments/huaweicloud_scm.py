"""tic:deploy/huaweicloudScm:HuaweicloudScm for programs in Python."""

from collections.abc import Sequence

from pulumi import Input, Output, ResourceOptions

from stacks.deployments.stored import StoredCertificate


class HuaweicloudScm(StoredCertificate):
    """A certificate in Huawei Cloud's SSL Certificate Manager; each renewal has an id of its own."""

    type_token = "tic:deploy/huaweicloudScm:HuaweicloudScm"  # noqa: S105  (a type token)
    region: Output[str | None]

    def __init__(
        self,
        name: str,
        *,
        certificate_pem: Input[str],
        private_key_pem: Input[str],
        chain_pem: Input[str | None] = None,
        domains: Input[Sequence[Input[str]] | None] = None,
        credential: Input[str | None] = None,
        region: Input[str | None] = None,
        opts: ResourceOptions | None = None,
    ) -> None:
        inputs = {
            "certificate_pem": certificate_pem,
            "chain_pem": chain_pem,
            "private_key_pem": private_key_pem,
            "domains": domains,
            "credential": credential,
            "region": region,
        }
        super().__init__(self.type_token, name, inputs, opts)

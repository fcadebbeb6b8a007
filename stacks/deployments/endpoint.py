"""tic:deploy/endpoint:Endpoint for programs in Python."""

from collections.abc import Sequence

from pulumi import Input, Output, ResourceOptions

from stacks.typed import Custom


class Endpoint(Custom):
    """A place that serves the certificate (`www.example.com:443`); the run waits until it does.

    Let it depend on the deployment: `opts=ResourceOptions(depends_on=[directory])`.
    """

    type_token = "tic:deploy/endpoint:Endpoint"  # noqa: S105  (a type token)
    address: Output[str]
    certificate_pem: Output[str]
    chain_pem: Output[str]
    timeout_seconds: Output[float]
    addresses: Output[Sequence[str]]
    serial: Output[str]
    drift: Output[str | None]

    def __init__(
        self,
        name: str,
        *,
        address: Input[str],
        certificate_pem: Input[str],
        chain_pem: Input[str | None] = None,
        timeout_seconds: Input[float | None] = None,
        opts: ResourceOptions | None = None,
    ) -> None:
        inputs = {
            "address": address,
            "certificate_pem": certificate_pem,
            "chain_pem": chain_pem,
            "timeout_seconds": timeout_seconds,
        }
        super().__init__(self.type_token, name, inputs, opts)

"""tic:deploy/webhook:Webhook for programs in Python."""

from collections.abc import Sequence

from pulumi import Input, Output, ResourceOptions

from stacks.typed import Custom


class Webhook(Custom):
    """A receiver that is told of a certificate, signed (Standard Webhooks) with a credential of the vault.

    The private key is sent only with `send_private_key`; `announce_removal` tells it of the end, too.
    """

    type_token = "tic:deploy/webhook:Webhook"  # noqa: S105  (a type token)
    url: Output[str]
    credential: Output[str | None]
    certificate_pem: Output[str]
    chain_pem: Output[str]
    domains: Output[Sequence[str] | None]
    private_key_pem: Output[str | None]
    send_private_key: Output[bool]
    announce_removal: Output[bool]
    timeout_seconds: Output[float]
    message_id: Output[str]
    delivered_at: Output[str]
    serial: Output[str]
    fingerprint: Output[str]

    def __init__(
        self,
        name: str,
        *,
        url: Input[str],
        certificate_pem: Input[str],
        chain_pem: Input[str | None] = None,
        private_key_pem: Input[str | None] = None,
        domains: Input[Sequence[Input[str]] | None] = None,
        credential: Input[str | None] = None,
        send_private_key: Input[bool | None] = None,
        announce_removal: Input[bool | None] = None,
        timeout_seconds: Input[float | None] = None,
        opts: ResourceOptions | None = None,
    ) -> None:
        inputs = {
            "url": url,
            "credential": credential,
            "certificate_pem": certificate_pem,
            "chain_pem": chain_pem,
            "private_key_pem": private_key_pem,
            "domains": domains,
            "send_private_key": send_private_key,
            "announce_removal": announce_removal,
            "timeout_seconds": timeout_seconds,
        }
        super().__init__(self.type_token, name, inputs, opts)

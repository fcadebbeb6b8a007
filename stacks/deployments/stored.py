"""What the targets at a service have in common: the certificate that goes there, and what became of it."""

from collections.abc import Sequence

from pulumi import Input, Output, ResourceOptions

from stacks.typed import Custom


class StoredCertificate(Custom):
    """A certificate that is an object at a service, with an id.

    A subclass names its `type_token` and annotates what it has besides; its `__init__` takes, besides its own
    inputs, `certificate_pem`, `private_key_pem`, `chain_pem`, `domains`, `credential` and `opts`.
    """

    certificate_pem: Output[str]
    chain_pem: Output[str]
    private_key_pem: Output[str]
    domains: Output[Sequence[str] | None]
    credential: Output[str | None]
    certificate_id: Output[str]
    serial: Output[str]
    fingerprint: Output[str]
    superseded: Output[Sequence[str] | None]
    drift: Output[str | None]


class StoredAsItIs(StoredCertificate):
    """One at a service that has no settings of its own: a subclass names its `type_token`, and is done."""

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

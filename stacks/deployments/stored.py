"""What the targets at a service have in common: the certificate that goes there, and what became of it."""

from collections.abc import Sequence

from pulumi import Output

from stacks.resources import Custom


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

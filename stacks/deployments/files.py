"""What certificates as files have in common, in a folder of this machine or of a host."""

from collections.abc import Mapping, Sequence

from pulumi import Output

from stacks.typed import Custom


class CertificateFiles(Custom):
    """A certificate as files; a subclass names its `type_token`, and says where they are."""

    path: Output[str]
    certificate_pem: Output[str]
    chain_pem: Output[str]
    private_key_pem: Output[str | None]
    domains: Output[Sequence[str] | None]
    certificate_file: Output[str]
    chain_file: Output[str]
    fullchain_file: Output[str]
    private_key_file: Output[str]
    file_mode: Output[str]
    private_key_mode: Output[str]
    command: Output[Sequence[str] | None]
    command_timeout_seconds: Output[float]
    files: Output[Mapping[str, str]]
    serial: Output[str]
    made_folder: Output[bool]
    drift: Output[Sequence[str] | None]

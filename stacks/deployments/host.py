"""tic:deploy/host:Host for programs in Python."""

from collections.abc import Sequence

from pulumi import Input, Output, ResourceOptions

from stacks.deployments.files import CertificateFiles


class Host(CertificateFiles):
    """A certificate as files in a folder (absolute path) of a host, over SSH; the key's file is 0600, and is
    left out without `private_key_pem`.

    `host_keys` are the host's public keys, as of `ssh-keyscan`; `command` is run there afterwards.
    """

    type_token = "tic:deploy/host:Host"  # noqa: S105  (a type token)
    host: Output[str]
    port: Output[int]
    host_keys: Output[Sequence[str]]
    credential: Output[str | None]

    def __init__(
        self,
        name: str,
        *,
        host: Input[str],
        host_keys: Input[Sequence[Input[str]]],
        path: Input[str],
        certificate_pem: Input[str],
        port: Input[int | None] = None,
        credential: Input[str | None] = None,
        chain_pem: Input[str | None] = None,
        private_key_pem: Input[str | None] = None,
        domains: Input[Sequence[Input[str]] | None] = None,
        certificate_file: Input[str | None] = None,
        chain_file: Input[str | None] = None,
        fullchain_file: Input[str | None] = None,
        private_key_file: Input[str | None] = None,
        file_mode: Input[str | None] = None,
        private_key_mode: Input[str | None] = None,
        command: Input[Sequence[Input[str]] | None] = None,
        command_timeout_seconds: Input[float | None] = None,
        opts: ResourceOptions | None = None,
    ) -> None:
        inputs = {
            "host": host,
            "port": port,
            "host_keys": host_keys,
            "credential": credential,
            "path": path,
            "certificate_pem": certificate_pem,
            "chain_pem": chain_pem,
            "private_key_pem": private_key_pem,
            "domains": domains,
            "certificate_file": certificate_file,
            "chain_file": chain_file,
            "fullchain_file": fullchain_file,
            "private_key_file": private_key_file,
            "file_mode": file_mode,
            "private_key_mode": private_key_mode,
            "command": command,
            "command_timeout_seconds": command_timeout_seconds,
        }
        super().__init__(self.type_token, name, inputs, opts)

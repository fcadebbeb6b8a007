"""tic:deploy/directory:Directory for programs in Python."""

from collections.abc import Sequence

from pulumi import Input, ResourceOptions

from stacks.deployments.files import CertificateFiles


class Directory(CertificateFiles):
    """A certificate as files in a folder (absolute path) of this machine; the key's file is 0600, and is
    left out without `private_key_pem`.

    `command` (a program by its whole path, then its arguments) is run afterwards.
    """

    type_token = "tic:deploy/directory:Directory"  # noqa: S105  (a type token)

    def __init__(
        self,
        name: str,
        *,
        path: Input[str],
        certificate_pem: Input[str],
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

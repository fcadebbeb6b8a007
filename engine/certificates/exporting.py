"""A certificate and its key as files, for what tic does not deploy to."""

from pathlib import Path
from typing import TYPE_CHECKING

from engine.certificates.listing import Listed
from engine.errors import EngineError

if TYPE_CHECKING:
    from engine.installation import Installation


class NotWritten(EngineError):
    """The directory can't be written to."""

    exit_code = 2


def export(installation: "Installation", one: Listed, folder: Path) -> list[str]:
    """Write cert.pem, chain.pem, fullchain.pem and privkey.pem (0600) into `folder`, whole or not at all.

    The audit log knows of it before there is a file. Returns the names. Raises NotWritten, and what opening
    the state raises.
    """
    from engine.certificates.material import opened
    from stacks.provider.deploy.files import File, write

    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise _not_written(folder, error) from error
    found = opened(installation, one, "export")
    files = [
        File("cert.pem", found.certificate_pem.encode(), 0o644),
        File("chain.pem", found.chain_pem.encode(), 0o644),
        File("fullchain.pem", (found.certificate_pem + found.chain_pem).encode(), 0o644),
        File("privkey.pem", found.private_key_pem.encode(), 0o600),
    ]
    try:
        write(folder, files)
    except OSError as error:
        raise _not_written(folder, error) from error
    return [file.name for file in files]


def _not_written(folder: Path, error: OSError) -> NotWritten:
    return NotWritten(
        f"the certificate was not written to {folder}: {error.strerror or error}",
        hint="name a directory that you may write to: tic cert export CERTIFICATE --to DIR",
    )

"""A certificate and its key as files, for what tic does not deploy to."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from engine.certificates.listing import Listed
from engine.errors import EngineError

if TYPE_CHECKING:
    from engine.installation import Installation


class NotWritten(EngineError):
    """The directory can't be written to."""

    exit_code = 2


class ThereAlready(EngineError):
    """Files of these names are there, and nobody said that they may go."""

    exit_code = 3


NAMES = ("privkey.pem", "cert.pem", "chain.pem", "fullchain.pem")


def export(installation: "Installation", one: Listed, folder: Path, *, replace: bool) -> list[str]:
    """Write cert.pem, chain.pem, fullchain.pem and privkey.pem (0600) into `folder`, whole or not at all.

    There is no privkey.pem where the key is its owner's. Files of these names that are there are replaced
    only with `replace`. The audit log knows of it before there is a file. Returns the names. Raises
    NotWritten, ThereAlready, and what opening the state raises.
    """
    from engine.certificates.material import holds_key, opened
    from stacks.provider.deploy.files import File, write

    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except FileExistsError as error:
        raise NotWritten(
            f"{folder} is no directory",
            hint=f"name one: tic cert export {one.full_name} --to DIR",
        ) from error
    except OSError as error:
        raise _not_written(folder, error) from error
    _check_free(folder, one, NAMES if holds_key(installation, one) else NAMES[1:], replace=replace)
    found = opened(installation, one, "export")
    files = [
        *([File(NAMES[0], found.private_key_pem.encode(), 0o600)] if found.private_key_pem else []),
        File(NAMES[1], found.certificate_pem.encode(), 0o644),
        File(NAMES[2], found.chain_pem.encode(), 0o644),
        File(NAMES[3], (found.certificate_pem + found.chain_pem).encode(), 0o644),
    ]
    try:
        write(folder, files)
    except OSError as error:
        raise _not_written(folder, error) from error
    return [file.name for file in files]


def _check_free(folder: Path, one: Listed, names: Sequence[str], *, replace: bool) -> None:
    """Before anything is written: no directory in the way, and no file that nobody said may go."""
    there = [name for name in names if (folder / name).exists() or (folder / name).is_symlink()]
    if blocked := [name for name in there if (folder / name).is_dir()]:
        raise NotWritten(
            f"{folder / blocked[0]} is a directory, so nothing was written",
            hint=f"name another directory: tic cert export {one.full_name} --to DIR",
        )
    if there and not replace:
        raise ThereAlready(
            f"{', '.join(there)} are in {folder} already, so nothing was written",
            hint=f"replace them: tic cert export {one.full_name} --to {folder} --force",
        )


def _not_written(folder: Path, error: OSError) -> NotWritten:
    return NotWritten(
        f"the certificate was not written to {folder}: {error.strerror or error}",
        hint="name a directory that you may write to: tic cert export CERTIFICATE --to DIR",
    )

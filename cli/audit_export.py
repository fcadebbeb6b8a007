"""Files of `tic audit export`: written whole or not at all, and verified without a vault."""

import json
import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

from cli import table
from cli.creds_input import BadInput
from cli.printable import printable
from credentials.errors import CredentialError

if TYPE_CHECKING:
    from credentials.audit_export import ExportVerification
    from credentials.audit_lines import Header


class ExportTampered(CredentialError):
    """The export is not what its vault has signed; which lines, the command has said."""

    exit_code = 5

    def __init__(self, file: str, problems: int) -> None:
        found = "one problem was" if problems == 1 else f"{problems} problems were"
        super().__init__(
            f"the export {file} is not what the vault with this public key has signed: {found} found",
            hint="compare the key with what the vault's owner sees (tic vault status), and export anew",
        )


@contextmanager
def written(path: Path | None, option: str = "--output") -> Iterator[IO[bytes]]:
    """A new private file that is there, whole and durable, once the block has ended; stdout for None.

    `option` is what names it on the command line.

    Raises BadInput where there is one already or none can be made.
    """
    if path is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    if path.exists() or path.is_symlink():
        raise BadInput(
            f"{path} is there already; nothing was written", hint=f"name a new file: {option} FILE"
        )
    half = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        descriptor = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise BadInput(
            f"{path} can't be made: {error.strerror}", hint=f"name a file in a folder of yours: {option} FILE"
        ) from error
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        half.replace(path)
    finally:
        half.unlink(missing_ok=True)


def verify_file(name: str, key: str | None, *, as_json: bool) -> None:
    """Say whether an export (`-` is stdin) is what the vault with this public key (hexadecimal) has signed.

    Raises BadInput, ExportTampered.
    """
    from credentials.audit_export import lines, verify_export

    public = _public_key(key)
    try:
        with _opened(name) as file:
            found = verify_export(lines(file), public)
    except OSError as error:
        raise BadInput(
            f"{name} can't be read: {error.strerror}",
            hint="name an export: tic audit verify FILE --public-key HEX",
        ) from error
    (_as_json if as_json else _in_words)(found)
    if found.problems:
        raise ExportTampered("on stdin" if name == "-" else name, len(found.problems) + found.further)


@contextmanager
def _opened(name: str) -> Iterator[IO[bytes]]:
    if name == "-":
        yield sys.stdin.buffer
        return
    with Path(name).open("rb") as file:
        yield file


def _public_key(text: str | None) -> bytes:
    if text is None:
        raise BadInput(
            "whose export it is can't be told without the vault's public key",
            hint="its owner sees it (tic vault status): tic audit verify FILE --public-key HEX",
        )
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = b""
    if len(key) != 32:
        raise BadInput(
            f"--public-key {text[:80]!r} is not a public key: that has 64 hexadecimal digits",
            hint="its owner sees it (tic vault status): tic audit verify FILE --public-key HEX",
        )
    return key


def _as_json(found: "ExportVerification") -> None:
    header = found.header
    known = {
        "whole": not found.problems,
        "vault": header.vault_id if header else None,
        "from": header.first if header else None,
        "entries": found.checked,
        "problems": [{"line": one.line, "what": one.what} for one in found.problems],
        "further": found.further,
    }
    sys.stdout.write(json.dumps(known, indent=2) + "\n")


def _in_words(found: "ExportVerification") -> None:
    if found.problems:
        table.write(("LINE", "WHAT IS WRONG"), [(str(one.line), one.what) for one in found.problems])
        if found.further:
            sys.stderr.write(f"and {found.further} more\n")
    elif found.header is not None:
        sys.stdout.write(_of_whole(found.header, found.checked))


def _of_whole(header: "Header", entries: int) -> str:
    from credentials.audit_lines import moment

    last = header.first + entries - 1
    which = f"entries {header.first} to {last}" if entries else f"no entries from {header.first} on"
    words = (
        f"the export is whole and signed by its vault: {which} of vault {header.vault_id}, as of "
        f"{moment(header.made)[:19]}Z\n"
    )
    if header.first > 1:
        words += f"it is a segment: what came before entry {header.first} is not in it\n"
    return printable(words)

"""The vault's credential for the sandbox's DNS server: kind `exec`, named `sandbox`."""

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from engine.errors import EngineError
from engine.sandbox.files import write_private

if TYPE_CHECKING:
    from credentials.vault import Vault

NAME, KIND = "sandbox", "exec"


def install_program(folder: Path) -> Path:
    """Put the program that publishes records into `folder` (0700) and return its path.

    A shell script starts it: a `#!` line holds neither a path with spaces nor a long one.
    """
    script = folder / "dns_record.py"
    write_private(script, Path(__file__).with_name("dns_record.py").read_bytes())
    program = folder / "dns-record"
    line = f'exec {shlex.quote(sys.executable)} -I {shlex.quote(str(script))} "$@"'
    write_private(program, f"#!/bin/sh\n{line}\n".encode(), mode=0o700)
    return program


def ensure(vault: "Vault", program: Path, *, before: Path | None) -> str:
    """Make the credential, or bring it up to date where its program has moved; returns its name.

    `before` is the program of the last `up`. Raises EngineError where another kind has the name.
    """
    from credentials.refusals import NoCredential

    try:
        existing = vault.find(NAME)
    except NoCredential:
        vault.new(NAME, KIND, {"path": str(program)})
        return NAME
    if existing.kind != KIND:
        raise EngineError(
            f"the name {NAME!r} belongs to a credential of kind {existing.kind}, not to the sandbox",
            hint=f"delete it and start again: tic creds delete {NAME} && tic sandbox up",
        )
    if before != program:
        vault.rotate(NAME, {"path": str(program)})
    return NAME

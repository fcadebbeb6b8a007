"""tic:deploy/directory:Directory: a certificate in a folder, for a server that reads files."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from stacks.errors import StackError
from stacks.provider.deploy import as_files, command
from stacks.provider.deploy.bundle import bundle
from stacks.provider.deploy.files import remove, seen, write
from stacks.provider.properties import Change, Kind, Property, Refused
from stacks.provider.resource import Created, Unfinished, Values
from stacks.provider.run import Operation


def folder(given: str) -> str:
    """An absolute path in its normal form: a relative one would mean another folder in another run."""
    if "\0" in given:
        raise Refused("must not hold NUL characters")
    if not given.startswith("/"):
        raise Refused("must be an absolute path; a plugin has no folder of its own to start from")
    return os.path.normpath(given)


class Directory(as_files.CertificateFiles):
    """Everything is an update in place: replacing would remove, at its end, the files of the same name."""

    token = "tic:deploy/directory:Directory"  # noqa: S105  (a type token)
    description = (
        "A certificate, its chain and its private key as files in a folder of this machine, each one whole "
        "or not there, and a command afterwards. A refresh sees files that were changed or lost, and the "
        "next run brings them back."
    )
    inputs = (
        Property(
            "path", Kind.STRING, "The folder, absolute.", required=True, change=Change.UPDATE, rule=folder
        ),
        *as_files.MATERIAL,
        *as_files.PROPERTIES,
        *command.PROPERTIES,
    )

    def create(self, operation: Operation, inputs: Values) -> Created:
        """Check that it belongs together, write it, run the command."""
        outputs = _deployed(operation, inputs)
        _run_command(operation, inputs, outputs)
        return Created(inputs["path"], outputs)

    def update(self, operation: Operation, state: Values, inputs: Values) -> dict[str, Any]:
        """Write the new, remove what has another place or name now, run the command."""
        outputs = _deployed(operation, inputs)
        if state["path"] == inputs["path"]:
            outputs["madeFolder"] = state.get("madeFolder", False)
        _remove(operation, state)
        _run_command(operation, inputs, outputs)
        return outputs

    def read(self, operation: Operation, state: Values) -> dict[str, Any] | None:
        """Compare the files with what was written; gone where none is left."""
        path = Path(state["path"])
        return self.compared(state, {name: seen(path / name) for name in state["files"]})

    def delete(self, operation: Operation, state: Values) -> None:
        """Remove what was written here and is the same; the folder too if it was made here and is empty."""
        _remove(operation, state)


def _deployed(operation: Operation, inputs: Values) -> dict[str, Any]:
    path = Path(inputs["path"])
    sent = bundle(inputs, str(path), keyless=True)
    files = as_files.files(inputs, sent)
    try:
        made = not path.exists()
        path.mkdir(parents=True, exist_ok=True)
        write(path, files)
    except OSError as error:
        raise StackError(
            f"the certificate can't be written to {path}: {error.strerror}",
            hint=f"make {path} a folder that this user may write to, with room left; then tic stack up",
        ) from error
    operation.run.written.update(path / file.name for file in files)
    return {
        "files": {file.name: file.digest for file in files},
        "serial": sent.serial,
        "madeFolder": made,
        "drift": None,
    }


def _run_command(operation: Operation, inputs: Values, outputs: dict[str, Any]) -> None:
    """Where it fails, the files are there, and the next run runs it again."""
    if not inputs.get("command"):
        return
    path = inputs["path"]
    try:
        command.run(
            operation,
            inputs["command"],
            inputs["commandTimeoutSeconds"],
            Path(path),
            inputs.get("privateKeyPem") or "",
        )
    except command.CommandFailed as error:
        message = f"the certificate is in {path}, and then {error}"
        raise Unfinished(message, hint=error.hint, id_=path, outputs=outputs) from error


def _remove(operation: Operation, state: Values) -> None:
    """Remove a state's files, except what this run wrote itself in the same place."""
    path = Path(state["path"])
    ours = {name: each for name, each in state["files"].items() if path / name not in operation.run.written}
    try:
        foreign = remove(path, ours)
        if state.get("madeFolder"):
            with suppress(OSError):  # not empty: somebody else's files, or the new ones
                path.rmdir()
    except OSError as error:
        raise StackError(
            f"the certificate's files in {path} can't be removed: {error.strerror}",
            hint=f"check who owns {path}, then run the command again",
        ) from error
    if foreign:
        operation.warn(f"left in {path}, because they were changed since: {', '.join(foreign)}")

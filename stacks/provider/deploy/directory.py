"""tic:deploy/directory:Directory: a certificate in a folder, for a server that reads files."""

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from stacks.errors import StackError
from stacks.provider.acme.keys import private_key
from stacks.provider.deploy import command
from stacks.provider.deploy.files import File, digest_of, remove, write
from stacks.provider.properties import Change, Checked, Failure, Kind, Output, Property, Refused
from stacks.provider.resource import Created, ResourceType, Unfinished, Values
from stacks.provider.run import Operation
from stacks.provider.values import is_unknown

NAMES = {
    "certificateFile": "cert.pem",
    "chainFile": "chain.pem",
    "fullchainFile": "fullchain.pem",
    "privateKeyFile": "privkey.pem",
}
_MATERIAL = ("certificatePem", "chainPem", "privateKeyPem")


def folder(given: str) -> str:
    """An absolute path in its normal form: a relative one would mean another folder in another run."""
    if not given.startswith("/"):
        raise Refused("must be an absolute path; a plugin has no folder of its own to start from")
    return os.path.normpath(given)


def file_name(given: str) -> str:
    """A name without a folder, that is not one of the names beside which files are written."""
    if given in {"", ".", ".."} or "/" in given or "\0" in given or given.startswith("."):
        raise Refused("must be a plain file name that does not begin with a dot")
    return given


def public_mode(given: str) -> str:
    """Octal digits; nobody but the owner may write."""
    mode = _octal(given)
    if mode & 0o133 or not mode & 0o400:
        raise Refused("must let the owner read, and let nobody execute it and nobody else write it")
    return f"{mode:04o}"


def key_mode(given: str) -> str:
    """Octal digits; others may not even read."""
    mode = _octal(public_mode(given))
    if mode & 0o007:
        raise Refused("must be closed to others: 0600, or 0640 for a server that reads it through its group")
    return f"{mode:04o}"


def _octal(given: str) -> int:
    try:
        return int(given, 8)
    except ValueError:
        raise Refused("must be octal digits, as 0644") from None


class Directory(ResourceType):
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
        Property(
            "certificatePem", Kind.STRING, "The certificate, in PEM.", required=True, change=Change.UPDATE
        ),
        Property("chainPem", Kind.STRING, "Its chain, in PEM.", default="", change=Change.UPDATE),
        Property(
            "privateKeyPem",
            Kind.STRING,
            "Its private key, in PEM.",
            required=True,
            secret=True,
            change=Change.UPDATE,
            rule=private_key,
        ),
        *(
            Property(
                each,
                Kind.STRING,
                "The name of this file.",
                default=name,
                change=Change.UPDATE,
                rule=file_name,
            )
            for each, name in NAMES.items()
        ),
        Property(
            "fileMode",
            Kind.STRING,
            "The mode of what is public, in octal.",
            default="0644",
            change=Change.UPDATE,
            rule=public_mode,
        ),
        Property(
            "privateKeyMode",
            Kind.STRING,
            "The mode of the private key's file, in octal.",
            default="0600",
            change=Change.UPDATE,
            rule=key_mode,
        ),
        *command.PROPERTIES,
    )
    outputs = (
        Output("files", Kind.OBJECT, "SHA-256 of each file as it was written, by name."),
        Output("serial", Kind.STRING, "The serial number of the deployed certificate, in hexadecimal."),
        Output("madeFolder", Kind.BOOLEAN, "Whether the folder was made here, and goes when it is empty."),
        Output(
            "drift",
            Kind.STRINGS,
            "Files that a refresh found changed or missing; the next run writes them again.",
            optional=True,
        ),
    )

    def check(self, given: Values) -> Checked:
        """Besides each property's own rules: no two files of one name."""
        checked = super().check(given)
        seen: dict[str, str] = {}
        for each in NAMES:
            name = checked.inputs.get(each)
            if isinstance(name, str) and (other := seen.setdefault(name, each)) != each:
                checked.failures.append(Failure(each, f"is the same name as {other}"))
        return checked

    def diff(
        self, operation: Operation, state: Values, inputs: Values, ignored: Iterable[str]
    ) -> dict[str, Change]:
        """Besides changed inputs: what a refresh found changed or missing is written again."""
        changes = super().diff(operation, state, inputs, ignored)
        if state.get("drift"):
            changes["drift"] = Change.UPDATE
        return changes

    def preview_update(self, state: Values, inputs: Values) -> dict[str, Any]:
        """What is known once the certificate is."""
        if any(is_unknown(inputs.get(each)) for each in _MATERIAL):
            return {**self.preview_create(inputs), "madeFolder": state.get("madeFolder"), "drift": None}
        return {**self.kept(state), "drift": None}

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
        path, files = Path(state["path"]), state["files"]
        found = {name: digest_of(path / name) for name in files}
        if not any(found.values()):
            return None
        drift = sorted(name for name, digest in files.items() if found[name] != digest)
        return {**self.kept(state), "drift": drift or None}

    def delete(self, operation: Operation, state: Values) -> None:
        """Remove what was written here and is the same; the folder too if it was made here and is empty."""
        _remove(operation, state)


def _deployed(operation: Operation, inputs: Values) -> dict[str, Any]:
    from stacks.provider.acme.certificates import check_belongs, read_issued

    path = Path(inputs["path"])
    try:
        check_belongs(inputs["certificatePem"], inputs["chainPem"], inputs["privateKeyPem"])
        serial = read_issued(inputs["certificatePem"]).serial
    except ValueError as error:
        raise StackError(
            f"nothing was written to {path}: {error}",
            hint="give all of `certificatePem`, `chainPem` and `privateKeyPem` from the same Certificate",
        ) from error
    files = _files(inputs)
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
        "serial": serial,
        "madeFolder": made,
        "drift": None,
    }


def _run_command(operation: Operation, inputs: Values, outputs: dict[str, Any]) -> None:
    """Where it fails, the files are there, and the next run runs it again."""
    if not inputs.get("command"):
        return
    path = inputs["path"]
    try:
        command.run(operation, inputs["command"], inputs["commandTimeoutSeconds"], Path(path))
    except command.CommandFailed as error:
        message = f"the certificate is in {path}, and then {error}"
        raise Unfinished(message, hint=error.hint, id_=path, outputs=outputs) from error


def _files(inputs: Values) -> list[File]:
    public, private = int(inputs["fileMode"], 8), int(inputs["privateKeyMode"], 8)
    certificate, chain = _text(inputs["certificatePem"]), _text(inputs["chainPem"])
    return [
        File(inputs["privateKeyFile"], _text(inputs["privateKeyPem"]), private),
        File(inputs["certificateFile"], certificate, public),
        File(inputs["chainFile"], chain, public),
        File(inputs["fullchainFile"], certificate + chain, public),
    ]


def _text(pem: str) -> bytes:
    return (pem.strip() + "\n").encode() if pem.strip() else b""


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

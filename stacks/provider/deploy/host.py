"""tic:deploy/host:Host: a certificate as files on a host over SSH, and a command afterwards.

The host is known by its keys, which the program states: a host that shows another one is not spoken to
(RFC 4253 8). Each file is written beside its place, flushed where the server can, and renamed into it.
"""

import shlex
from collections.abc import Iterable
from contextlib import suppress
from pathlib import PurePosixPath
from typing import Any

from stacks.provider.deploy import as_files, command
from stacks.provider.deploy.account import credential, opened
from stacks.provider.deploy.bundle import bundle
from stacks.provider.deploy.directory import folder
from stacks.provider.deploy.files import Seen
from stacks.provider.deploy.ssh import HostError, Login, Remote, host_keys
from stacks.provider.properties import Change, Kind, Property, Refused
from stacks.provider.resource import Created, Unfinished, Values
from stacks.provider.run import Operation

KIND = "ssh"


def port(given: int) -> int:
    """A TCP port."""
    if not 0 < given < 65536:
        raise Refused("must be a port, from 1 to 65535")
    return given


def keys(given: list[str]) -> list[str]:
    """Public keys, as `ssh-keyscan HOST` or a known_hosts file has them."""
    try:
        host_keys(given)
    except ValueError as error:
        raise Refused(str(error)) from None
    return given


class Host(as_files.CertificateFiles):
    """Everything is an update in place: replacing would remove, at its end, what the same host has by another
    name.
    """

    token = "tic:deploy/host:Host"  # noqa: S105  (a type token)
    description = (
        "A certificate, its chain and its private key as files on a host, over SSH, and a command "
        "afterwards. A refresh sees files that were changed or lost, and the next run brings them back."
    )
    inputs = (
        Property("host", Kind.STRING, "The host's name or address.", required=True, change=Change.UPDATE),
        Property("port", Kind.INTEGER, "Its SSH port.", default=22, change=Change.UPDATE, rule=port),
        Property(
            "hostKeys",
            Kind.STRINGS,
            "The host's public keys, one of which it must show: lines as of ssh-keyscan or known_hosts, "
            "checked by you; a key that is marked @revoked is never taken.",
            required=True,
            change=Change.UPDATE,
            rule=keys,
        ),
        credential(KIND),
        Property(
            "path",
            Kind.STRING,
            "The folder on the host, absolute.",
            required=True,
            change=Change.UPDATE,
            rule=folder,
        ),
        *as_files.MATERIAL,
        *as_files.PROPERTIES,
        *command.PROPERTIES,
    )

    def create(self, operation: Operation, inputs: Values) -> Created:
        """Check that it belongs together, write it, run the command."""
        return Created(_id(inputs), _deployed(operation, inputs, None))

    def update(self, operation: Operation, state: Values, inputs: Values) -> dict[str, Any]:
        """Write the new, remove what has another place or name now, run the command."""
        return _deployed(operation, inputs, state)

    def read(self, operation: Operation, state: Values) -> dict[str, Any] | None:
        """Compare the files with what was written; gone where none is left."""

        async def look(remote: Remote) -> dict[str, Seen | None]:
            return {name: await remote.seen(_at(state, name)) for name in state["files"]}

        return self.compared(state, _on_host(operation, state, look))

    def delete(self, operation: Operation, state: Values) -> None:
        """Remove what was written there and is the same; the folder too if it was made so and is empty."""

        async def clear(remote: Remote) -> list[str]:
            return await _cleared(remote, state, ())

        _warn(operation, state, _on_host(operation, state, clear))


def _deployed(operation: Operation, inputs: Values, state: Values | None) -> dict[str, Any]:
    where = _id(inputs)
    sent = bundle(inputs, where, keyless=True)
    files = as_files.files(inputs, sent)
    new = {_at(inputs, file.name) for file in files}

    async def write(remote: Remote) -> tuple[bool, bytes]:
        made = await remote.make_folder(inputs["path"])
        await remote.write(inputs["path"], files)
        return made, remote.key

    made, key = _on_host(operation, inputs, write)
    if state is not None:

        async def clear(remote: Remote) -> list[str]:
            return await _cleared(remote, state, new if remote.key == key else ())

        _warn(operation, state, _on_host(operation, {**state, "credential": inputs.get("credential")}, clear))
        made = made or (_id(state) == where and bool(state.get("madeFolder")))
    outputs = {
        "files": {file.name: file.digest for file in files},
        "serial": sent.serial,
        "madeFolder": made,
        "drift": None,
    }
    if words := inputs.get("command"):

        async def run(remote: Remote) -> None:
            operation.say(f"running {words[0]} on {inputs['host']}")
            line = f"cd {shlex.quote(inputs['path'])} && exec {shlex.join(words)}"
            key_pem = inputs.get("privateKeyPem") or ""
            await remote.run(line, words[0], inputs["commandTimeoutSeconds"], key_pem)

        try:
            _on_host(operation, inputs, run)
        except HostError as error:
            raise Unfinished(
                f"the certificate is at {where}, and then {error}",
                hint=error.hint,
                id_=where,
                outputs=outputs,
            ) from error
    return outputs


def _on_host(operation: Operation, values: Values, act: Any) -> Any:
    """Log in with the credential as it is now, do it, log out."""
    from stacks.provider.deploy.ssh import on_host

    account = opened(operation, values, KIND, values["host"])
    login = Login(values["host"], int(values["port"]), tuple(values["hostKeys"]), account.fields)
    return on_host(operation, login, act)


async def _cleared(remote: Remote, state: Values, but: Iterable[str]) -> list[str]:
    """Remove a state's files, but for those that are written anew; gives those that somebody changed."""
    foreign, kept = [], set(but)
    for name, digest in state["files"].items():
        path = _at(state, name)
        if path in kept:
            continue
        found = await remote.digest(path)
        if found == digest:
            await remote.remove(path)
        elif found is not None:
            foreign.append(path)
    if state.get("madeFolder") and not any(each.startswith(f"{state['path']}/") for each in kept):
        with suppress(HostError):  # not empty: somebody else's files
            await remote.remove_folder(state["path"])
    return foreign


def _warn(operation: Operation, state: Values, foreign: list[str]) -> None:
    if foreign:
        operation.warn(f"left on {state['host']}, because they were changed since: {', '.join(foreign)}")


def _at(values: Values, name: str) -> str:
    return str(PurePosixPath(values["path"]) / name)


def _id(inputs: Values) -> str:
    return f"{inputs['host']}:{inputs['path']}"

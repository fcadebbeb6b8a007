"""A host over SSH: logged in to for one operation, with keys that are given and nothing else of this machine.

No agent, no configuration file and no known_hosts of the user that runs tic takes part. asyncssh's own log is
silent: it names users and hosts.
"""

import asyncio
import logging
import os
import secrets
import shlex
import stat
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from stacks.errors import StackError
from stacks.provider.deploy.files import File, Seen
from stacks.provider.run import Operation

if TYPE_CHECKING:
    from asyncssh import SFTPClient, SSHClientConnection, SSHClientProcess, SSHCompletedProcess, SSHKey

T = TypeVar("T")

CONNECT_SECONDS = 20.0
_GLANCE_SECONDS = 0.2
_GRACE_SECONDS = 2.0
_TOLD = 1000
_MOST = 1024 * 1024  # a certificate's file is a few kilobytes
_AUTHORITY, _REVOKED = "@cert-authority", "@revoked"  # sshd(8), SSH_KNOWN_HOSTS FILE FORMAT
_TYPES = ("ssh-", "ecdsa-", "sk-")


class HostError(StackError):
    """The host was not reached, refused something, or a command on it failed."""


class AsyncsshMissing(StackError):
    """The package that speaks SSH is not installed."""

    exit_code = 6


@dataclass(frozen=True, slots=True)
class Login:
    """Where, whose keys it must show, and the credential's fields, in plaintext and in no repr."""

    host: str
    port: int
    host_keys: tuple[str, ...]
    fields: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Remote:
    """A host that is logged in to. Every call raises HostError."""

    host: str
    connection: "SSHClientConnection"
    sftp: "SFTPClient"

    @property
    def key(self) -> bytes:
        """The key that the host showed, which tells it from others whatever its name."""
        shown = self.connection.get_server_host_key()
        return b"" if shown is None else shown.public_data

    async def make_folder(self, path: str) -> bool:
        """Make the folder where it is missing; whether it was."""
        if await self.sftp.isdir(path):
            return False
        await self.sftp.makedirs(path, exist_ok=True)
        return True

    async def write(self, folder: str, files: Sequence[File]) -> None:
        """Put all of them in place: each is written beside its place, with its mode, then all are renamed."""
        from asyncssh import SFTPAttrs, SFTPNoSuchFile, SFTPOpUnsupported

        beside = [f"{folder}/.{file.name}.tic-new" for file in files]
        try:
            for path, file in zip(beside, files, strict=True):
                with suppress(SFTPNoSuchFile):
                    await self.sftp.remove(path)
                async with self.sftp.open(path, "xb", attrs=SFTPAttrs(permissions=0o600)) as stream:
                    await stream.setstat(SFTPAttrs(permissions=file.mode))  # not subject to the umask
                    await stream.write(file.content)
                    with suppress(SFTPOpUnsupported):
                        await stream.fsync()
            for path, file in zip(beside, files, strict=True):
                await self.sftp.posix_rename(path, f"{folder}/{file.name}")
        except BaseException:
            for path in beside:
                with suppress(Exception):
                    await self.sftp.remove(path)
            raise

    async def digest(self, path: str) -> str | None:
        """SHA-256 of a file, or None where there is none."""
        from asyncssh import SFTPNoSuchFile, SFTPNoSuchPath

        try:
            async with self.sftp.open(path, "rb") as stream:
                content: object = await stream.read(_MOST)  # bytes, in this mode
        except (SFTPNoSuchFile, SFTPNoSuchPath):
            return None
        return File("", content, 0).digest if isinstance(content, bytes) else None

    async def seen(self, path: str) -> Seen | None:
        """What a file is now, or None where there is none."""
        digest = await self.digest(path)
        if digest is None:
            return None
        return Seen(digest, stat.S_IMODE((await self.sftp.stat(path)).permissions or 0))

    async def remove(self, path: str) -> None:
        """Remove a file."""
        await self.sftp.remove(path)

    async def remove_folder(self, path: str) -> None:
        """Remove a folder that is empty."""
        try:
            await self.sftp.rmdir(path)
        except _errors() as error:
            raise self.failed(f"the folder {path} can't be removed", error) from error

    async def run(self, line: str, name: str, seconds: float, key_pem: str) -> None:
        """Run a line in the user's shell; raises HostError where it fails or takes longer than `seconds`.

        One that is not awaited to its end, as the run is cancelled, is ended as well.
        """
        from asyncssh import DEVNULL

        from stacks.provider.deploy.command import without_keys

        mark = secrets.token_hex(8)
        marked = f"echo {mark} $$ >&2; {line}"
        process = await self.connection.create_process(_shell(marked), stdin=DEVNULL)
        started = _Started(process)
        try:
            done = await asyncio.wait_for(started.ended(mark), seconds)
        except asyncio.CancelledError:
            await self._end(started)
            raise
        except TimeoutError:
            what = f"took more than {seconds:g} s"
            told = (
                f"was ended: it {what}"
                if await self._end(started)
                else f"{what}, and could not be ended: it may be running there still"
            )
            raise HostError(
                f"{name} on {self.host} {told}",
                hint="mend what holds it up, then: tic stack up, which runs it again",
            ) from None
        if done.exit_status == 0:
            return
        said = without_keys("".join(_text(each) for each in (done.stdout, done.stderr)), key_pem)[-_TOLD:]
        ended = f"ended with code {done.exit_status}" if done.exit_status is not None else "was ended"
        raise HostError(
            f"{name} on {self.host} {ended}{f': {said}' if said else ''}",
            hint="mend what it says, then: tic stack up, which runs it again",
        )

    async def _end(self, started: "_Started") -> bool:
        """End a command and its whole group; whether it is over. To close the channel would leave it running,
        and OpenSSH passes no signals on (RFC 4254 6.9) where it is root who is logged in.
        """
        for signal in ("TERM", "KILL") if started.group else ():
            with suppress(Exception):
                killing = self.connection.run(_shell(f"kill -s {signal} -- -{started.group}"), check=False)
                await asyncio.wait_for(killing, _GRACE_SECONDS)
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(started.process.wait_closed(), _GRACE_SECONDS)
                return True
        return False

    def failed(self, what: str, error: Exception) -> HostError:
        """An error of the connection or of the host's files, in words."""
        return HostError(f"{what} on {self.host}: {_why(error)}", hint=_HINT)


def on_host(operation: Operation, login: Login, act: Callable[[Remote], Awaitable[T]]) -> T:
    """Log in, do it, log out; ends when the run is cancelled. Raises HostError, AsyncsshMissing."""
    try:
        import asyncssh
    except ImportError as error:
        raise AsyncsshMissing(
            "deploying to a host needs asyncssh, which is not installed",
            hint="install it: pip install 'tic-engine[ssh]'",
        ) from error
    logging.getLogger("asyncssh").setLevel(logging.CRITICAL + 1)

    async def whole() -> T:
        try:
            async with (
                asyncssh.connect(login.host, login.port, **_options(login)) as connection,
                connection.start_sftp_client() as sftp,
            ):
                return await act(Remote(login.host, connection, sftp))
        except _errors() as error:
            raise _translated(login, error) from None

    async def watched() -> T:
        work = asyncio.ensure_future(whole())
        ends = time.monotonic() + operation.remaining
        while not work.done():
            await asyncio.wait([work], timeout=_GLANCE_SECONDS)
            if not work.done() and (operation.run.cancelled.is_set() or time.monotonic() > ends):
                work.cancel()
                with suppress(asyncio.CancelledError):
                    await work
                raise HostError(
                    f"the work on {login.host} was cut short: the run was cancelled, or its time is over",
                    hint="run it again: tic stack up",
                )
        return await work

    return asyncio.run(watched())


@dataclass(frozen=True, slots=True)
class HostKeys:
    """What a host may show, each as `TYPE BASE64`: keys, keys of authorities, and what is never taken."""

    trusted: tuple[str, ...]
    authorities: tuple[str, ...]
    revoked: tuple[str, ...]


def host_keys(lines: Sequence[str]) -> HostKeys:
    """From lines of ssh-keyscan or known_hosts, or bare keys; raises ValueError."""
    found: dict[str, list[str]] = {"": [], _AUTHORITY: [], _REVOKED: []}
    for line in lines:
        words = line.split()
        marker = words[0] if words and words[0].startswith("@") else ""
        if marker not in found:
            raise ValueError(f"has a line marked {marker}; only {_AUTHORITY} and {_REVOKED} are known")
        begin = next((at for at, word in enumerate(words) if word.startswith(_TYPES)), None)
        if begin is None or len(words) < begin + 2 or words[0].startswith("#"):
            raise ValueError("each must be a public key, as: ssh-ed25519 AAAAC3Nz... (see: ssh-keyscan HOST)")
        found[marker].append(f"{words[begin]} {words[begin + 1]}")
    if not found[""] and not found[_AUTHORITY]:
        raise ValueError("must name at least one public key of the host (see: ssh-keyscan HOST)")
    return HostKeys(*(tuple(each) for each in found.values()))


_HINT = "see that the user may do this on the host, then: tic stack up"


def _options(login: Login) -> dict[str, Any]:
    fields = login.fields
    return {
        "username": fields["username"],
        "client_keys": [_own_key(fields)] if "private-key" in fields else None,
        "password": fields.get("password"),
        "known_hosts": _known(login),
        "agent_path": None,
        "config": None,
        "gss_host": None,
        "connect_timeout": CONNECT_SECONDS,
        "login_timeout": CONNECT_SECONDS,
        "keepalive_interval": 15,
    }


def _own_key(fields: Mapping[str, str]) -> "SSHKey":
    import asyncssh

    try:
        return asyncssh.import_private_key(fields["private-key"], fields.get("passphrase"))
    except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError):
        raise HostError(
            "the credential's private key can't be read: it is none, or its passphrase is another",
            hint="give it again: tic creds rotate NAME",
        ) from None


def _known(login: Login) -> Any:
    import asyncssh

    given = host_keys(login.host_keys)
    try:
        return tuple(
            [asyncssh.import_public_key(each) for each in some]
            for some in (given.trusted, given.authorities, given.revoked)
        )
    except asyncssh.KeyImportError:
        raise HostError(
            f"a line of `hostKeys` holds no public key of {login.host} that can be read",
            hint=f"take the lines that the host itself shows: ssh-keyscan {login.host}",
        ) from None


def _errors() -> tuple[type[Exception], ...]:
    import asyncssh

    return (asyncssh.Error, OSError, asyncio.TimeoutError)


def _translated(login: Login, error: Exception) -> HostError:
    import asyncssh

    where = f"{login.host}:{login.port}"
    if isinstance(error, asyncssh.HostKeyNotVerifiable):
        return HostError(
            f"{where} shows another key than the program states, or a revoked one, so nothing was sent to it",
            hint=f"see ssh-keyscan {login.host}, and compare with the host itself; then correct `hostKeys`",
        )
    if isinstance(error, asyncssh.PermissionDenied):
        return HostError(
            f"{where} does not let {login.fields['username']} log in with this credential",
            hint="put its public key there (~/.ssh/authorized_keys), or: tic creds rotate NAME",
        )
    hint = _HINT if isinstance(error, asyncssh.Error) else "see that an SSH server answers there"
    return HostError(f"{where}: {_why(error)}", hint=hint)


@dataclass(slots=True)
class _Started:
    """A command on the host; `group` is its group of processes there, once it has told."""

    process: "SSHClientProcess[str]"
    group: str = ""

    async def ended(self, mark: str) -> "SSHCompletedProcess":
        """Wait for its end. What a shell's own files say before the mark is let go."""
        async for line in self.process.stderr:
            word, _, group = line.rstrip().partition(" ")
            if word == mark and group.isdecimal():
                self.group = group
                break
        return await self.process.wait()


def _shell(line: str) -> str:
    """A line for POSIX's shell, whatever the user's own is; the shell takes the place of that."""
    return f"exec /bin/sh -c {shlex.quote(line)}"


def _text(said: object) -> str:
    return said if isinstance(said, str) else ""


def _why(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno)
    told = getattr(error, "reason", None) or str(error)
    return str(told) or type(error).__name__

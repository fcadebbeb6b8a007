"""OpenSSH's server on loopback, for the user that runs the tests: keys, SFTP and commands, nothing of PAM."""

import getpass
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from engine.sandbox.ports import free_port
from tests.servers.install import sshd
from tests.servers.process import accepts, running

SETTINGS = """
ListenAddress 127.0.0.1
Port {port}
HostKey {folder}/host
PidFile none
AuthorizedKeysFile {folder}/authorized
StrictModes no
UsePAM no
PermitRootLogin yes
PasswordAuthentication no
KbdInteractiveAuthentication no
LogLevel VERBOSE
Subsystem sftp internal-sftp
"""
_PRIVILEGES = Path("/run/sshd")  # compiled into Debian's


@dataclass(frozen=True, slots=True)
class OpenSsh:
    """A running server; `key` (OpenSSH's PEM) opens it for `user`, `host_key` is what it shows."""

    port: int
    user: str
    key: str
    host_key: str
    log: Path


def make_key(passphrase: str | None = None) -> tuple[str, str]:
    """A new key pair: the private half as ssh-keygen writes it, the public half in one line."""
    key = Ed25519PrivateKey.generate()
    sealed = (
        serialization.BestAvailableEncryption(passphrase.encode())
        if passphrase
        else serialization.NoEncryption()
    )
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, sealed)
    public = key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    return private.decode(), public.decode()


@contextmanager
def openssh(folder: Path) -> Iterator[OpenSsh]:
    """Run it until the block ends."""
    program, port = sshd(), free_port()
    host, shown = make_key()
    own, allowed = make_key()
    for name, content in (("host", host), ("authorized", f"{allowed}\n")):
        (folder / name).write_text(content)
        (folder / name).chmod(0o600)
    settings = folder / "sshd_config"
    settings.write_text(SETTINGS.format(port=port, folder=folder))
    if os.geteuid() == 0:
        _PRIVILEGES.mkdir(mode=0o755, exist_ok=True)
        _make_user("sshd")
    command: list[str | Path] = [program.path, "-D", "-e", "-f", settings]
    with running("sshd", command, folder=folder, environment=program.environment()) as process:
        process.wait_until(lambda: accepts("127.0.0.1", port))
        yield OpenSsh(port, getpass.getuser(), own, shown, process.log)


def _make_user(name: str) -> None:
    """The user that root's sshd gives its rights up to, which the package would make."""
    known = subprocess.run(["getent", "passwd", name], capture_output=True, check=False)
    if known.returncode:
        add = ["useradd", "--system", "--no-create-home", "-d", "/run/sshd", "-s", "/usr/sbin/nologin", name]
        subprocess.run(add, check=True)

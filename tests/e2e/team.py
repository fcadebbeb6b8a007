"""A team: servers of one database that speak TLS, and stock CLIs with tokens of their own."""

import signal
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.request import urlopen

import trustme

from engine.tls import CertificateFiles
from tests.e2e.command import Tic
from tests.engine.served_certificates import written
from tests.engine.state.driver import Cli
from tests.engine.state.waiting import wait_for
from tests.servers.process import free_port

EVERYWHERE = "0.0.0.0"  # noqa: S104  # as a team's server; what it takes is a token


@dataclass
class Server:
    """One `tic serve` on a port of its own; started anew, it gets the same one."""

    tic: Tic
    words: list[str]
    trust: ssl.SSLContext
    log: Path
    port: int = field(default_factory=free_port)
    process: "subprocess.Popen[str] | None" = None
    said: str = ""

    def start(self) -> None:
        """Start it, and wait until it answers."""
        with self.log.open("a") as heard:
            self.process = subprocess.Popen(
                self.tic.argv("serve", "--port", str(self.port), *self.words),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=heard,
                cwd=self.tic.folder,
                env=self.tic.environment(),
                text=True,
            )
        wait_for(self.answers)

    def answers(self) -> bool:
        """Whether it is there, and well."""
        assert self.process is not None
        assert self.process.poll() is None, self.log.read_text()
        scheme = "https" if "--tls-cert" in self.words else "http"
        with (
            suppress(OSError),
            urlopen(f"{scheme}://127.0.0.1:{self.port}/healthz", context=self.trust) as answer,  # noqa: S310
        ):
            return bool(answer.read() == b"ok\n")
        return False

    def kill(self) -> None:
        """End it at once, if it runs."""
        if self.process is not None and self.process.poll() is None:
            self.end(signal.SIGKILL)

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Tell it to end, and wait for it; returns its exit code. What it printed is `said` then."""
        assert self.process is not None
        self.process.send_signal(number)
        self.said, _ = self.process.communicate(timeout=30)
        return self.process.returncode


@dataclass
class Team:
    """What the servers have in common, and what CLIs need to reach them."""

    folder: Path
    homes: list[Tic]
    engine: Path
    authority: trustme.CA
    files: CertificateFiles
    ends: ExitStack

    @property
    def tic(self) -> Tic:
        """`tic` at the first of the homes."""
        return self.homes[0]

    @property
    def ca_file(self) -> Path:
        """The root that CLIs trust."""
        return self.folder / "ca.pem"

    def server(self, *words: str, home: int = 0) -> Server:
        """A server that answers, by default with TLS and on every address; killed with the test."""
        files = ["--tls-cert", str(self.files.certificate), "--tls-key", str(self.files.key)]
        trust = ssl.create_default_context(cafile=self.ca_file)
        used = list(words) or ["--host", EVERYWHERE, *files]
        made = Server(self.homes[home], used, trust, self.folder / "serve.log")
        self.ends.callback(made.kill)
        made.start()
        return made

    def token(self, name: str, *words: str) -> str:
        """A new access token."""
        return self.tic("token", "new", name, *words).out.strip()

    def cli(self, name: str, port: int, token: str) -> Cli:
        """A stock CLI of this user, with an empty folder of the project `proj`."""
        made = Cli(self.folder / name, self.engine, f"https://localhost:{port}", token)
        made.environment["SSL_CERT_FILE"] = str(self.ca_file)
        return made


@contextmanager
def team(folder: Path, engine: Path, *, database_url: str | None = None, homes: int = 1) -> Iterator[Team]:
    """A team with a fresh vault; on PostgreSQL each of the homes is a machine of its own, with the key."""
    authority = trustme.CA()
    variables = {"TIC_DATABASE_URL": database_url} if database_url else {}
    machines = [Tic(folder / f"home{number}", folder, variables) for number in range(homes)]
    machines[0]("vault", "init")
    for other in machines[1:]:
        other.home.mkdir(mode=0o700)
        key = other.home / "vault.key"
        key.touch(mode=0o600)
        key.write_bytes((machines[0].home / "vault.key").read_bytes())
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    with ExitStack() as ends:
        yield Team(folder, machines, engine, authority, written(folder, authority), ends)

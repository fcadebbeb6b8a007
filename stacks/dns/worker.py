"""lego's DNS providers, each credential in a process of its own for one run.

The bridge (certbot-dns-multi) takes credentials as process-wide environment variables, holds Python's lock
for as long as a provider takes, knows no time limit, and many providers keep what they need for cleaning up
in memory. So a worker process gets the credentials over stdin, lives as long as the run, and this side
keeps the time.
"""

import json
import os
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from stacks.dns.printed import LONGEST_SECRET_BYTES, Printed
from stacks.dns.programs import check
from stacks.dns.publisher import ProviderFailed, Record
from stacks.dns.redaction import Redaction
from stacks.errors import StackError

MAIN = Path(__file__).with_name("worker_main.py")
PROGRAM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
NOWHERE = "/nonexistent"  # some providers need a home, and none may find a key in this user's
# How this machine reaches the outside; a credential can never set these, only the environment of tic itself.
NETWORK = (
    *("HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "https_proxy", "http_proxy", "no_proxy"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR"),
)
MOST_VALUE_BYTES = LONGEST_SECRET_BYTES
# What the kernel takes into a pipe at once: writing a request never waits for the worker.
MOST_REQUEST_BYTES = 60_000
MOST_REPLY_BYTES = 1_000_000
ENDING_SECONDS = 1.0
UNASKED = b"(unasked)"


class BridgeMissing(StackError):
    """lego's bridge is not installed for this Python."""

    exit_code = 6


class EnvironmentRefused(StackError):
    """A credential holds what can't be handed to lego; the text names the variable and never its value."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class Limits:
    """How long each call may take, in seconds, before the worker is killed."""

    configure: float = 20.0
    perform: float = 90.0
    cleanup: float = 45.0


LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class LegoProvider:
    """A provider by lego's name, and the variables that configure it.

    `environment` holds only names from `allowed`, which the credential's kind declares, and so does `files`:
    the contents of private files, by the variables that get their paths. `secrets` are the values to keep out
    of messages; `programs` names the variables that hold a program's path. `nameservers` (`ip:port`) are the
    resolvers by which lego finds zones and follows CNAMEs.
    """

    name: str
    environment: Mapping[str, str] = field(repr=False)
    allowed: Collection[str]
    secrets: Collection[str] = field(repr=False)
    nameservers: Sequence[str]
    programs: Collection[str] = ("EXEC_PATH",)
    files: Mapping[str, bytes] = field(default_factory=dict, repr=False)

    def checked(self) -> "LegoProvider":
        """Itself. Raises EnvironmentRefused or ProgramUnsafe where lego must not have it."""
        for name, value in self.environment.items():
            _check_variable(self.name, name, value, self.allowed)
        for name in self.files:
            _check_variable(self.name, name, "", self.allowed)
        self.check_programs()
        return self

    def check_programs(self) -> None:
        """Raise ProgramUnsafe where lego would run a program that somebody else can replace."""
        for name in self.programs:
            if path := self.environment.get(name):
                check(path)


class LegoWorker:
    """A Publisher: one worker process. Not for two threads at once; close it."""

    def __init__(
        self,
        provider: LegoProvider,
        *,
        limits: Limits = LIMITS,
        machine: Mapping[str, str] = os.environ,
    ) -> None:
        """Start the process and configure the provider; of `machine` it takes the names in NETWORK alone.

        Raises BridgeMissing, EnvironmentRefused, ProgramUnsafe or ProviderFailed.
        """
        self._provider = provider.checked()
        self._limits = limits
        redaction = Redaction([*provider.secrets, *_passwords(surroundings(machine).values())])
        self._pending = b""
        argv = [sys.executable, "-I", "-S", str(MAIN), _bridge()]
        self._files = _in_memory(provider.files)
        try:
            self._process = subprocess.Popen(
                argv,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                cwd="/",
                env=surroundings(machine),
                pass_fds=tuple(self._files.values()),
                start_new_session=True,  # Ctrl-C reaches tic alone, which then withdraws what is published
            )
        except BaseException:
            self._forget_files()
            raise
        paths = {name: f"/proc/self/fd/{descriptor}" for name, descriptor in self._files.items()}
        assert self._process.stderr is not None  # noqa: S101 - it was made with pipes
        self._printed = Printed(f"dns-worker-{provider.name}", self._process.stderr, redaction)
        self.usable = True
        try:
            configure = {
                "action": "configure",
                "provider": provider.name,
                "credentials": {**provider.environment, **paths},
                "nameservers": list(provider.nameservers),
            }
            self._call(configure, "taking its settings", limits.configure)
        except BaseException:
            self.close()
            raise

    def perform(self, record: Record) -> None:
        """Have lego publish the record; it follows CNAMEs by itself."""
        self._call(_request("perform", record), f"publishing {record.name}", self._limits.perform)

    def cleanup(self, record: Record) -> None:
        """Have lego withdraw the record; some providers can only if this very worker published it."""
        self._call(_request("cleanup", record), f"withdrawing {record.name}", self._limits.cleanup)

    def written(self, variable: str) -> bytes:
        """What the private file is now that `variable` names the path of; also after a call that failed."""
        descriptor = self._files[variable]
        return os.pread(descriptor, os.fstat(descriptor).st_size, 0)

    @property
    def nameservers(self) -> tuple[str, ...]:
        """None of its own: lego's providers write into zones with NS records."""
        return ()

    def stop(self) -> None:
        """End the process and whatever it started; from any thread, also to end a call that hangs."""
        self.usable = False
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)

    def close(self) -> None:
        """End the process, and give its pipes and private files back."""
        self._end()
        self._forget_files()

    def _forget_files(self) -> None:
        while self._files:
            os.close(self._files.popitem()[1])

    def _end(self) -> None:
        self.stop()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        self._printed.close()

    def _call(self, message: Mapping[str, Any], doing: str, seconds: float) -> None:
        if not self.usable:
            raise self._failed(
                f"can't be used for {doing}: its worker has ended", hint="run it again: tic stack up"
            )
        self._provider.check_programs()  # again, because it may have been long since the last look
        self._printed.forget()
        request = json.dumps(message).encode() + b"\n"
        if len(request) > MOST_REQUEST_BYTES:
            raise EnvironmentRefused(
                f"the settings for {self._provider.name} are larger together than the "
                f"{MOST_REQUEST_BYTES} bytes that a worker takes",
                hint="correct the credential's fields: tic creds rotate NAME",
            )
        answer = self._answer(request, doing, seconds)
        if answer.get("success") is not True:
            reason = str(answer.get("error") or "no reason given")
            raise self._failed(f"failed {doing}: {reason}")

    def _answer(self, request: bytes, doing: str, seconds: float) -> dict[str, Any]:
        assert self._process.stdin is not None  # noqa: S101 - it was made with pipes
        try:
            # What it says without being asked would be taken for the answer, and each answer for the next.
            reply = UNASKED if self._has_spoken() else b""
            if not reply:
                self._process.stdin.write(request)
                reply = self._line(time.monotonic() + seconds)
        except TimeoutError:
            self._end()
            raise self._failed(
                f"did not finish {doing} within {seconds:g} s and was stopped",
                hint="check that the provider, or the program, answers at all; then run again",
            ) from None
        except OSError:
            reply = b""
        answer = _read(reply)
        if answer is None:
            if not self.usable:
                raise self._failed(f"was stopped while {doing}", hint="run it again, or: tic dns clean")
            ended = self._process.poll() if reply else self._ended()
            self._end()
            raise self._failed(
                f"crashed while {doing} ({_how(ended)})",
                hint="run it again; where it crashes each time, use another provider for this zone",
            )
        return answer

    def _has_spoken(self) -> bool:
        """Whether there is something of the worker's to read; its end is nothing."""
        assert self._process.stdout is not None  # noqa: S101 - it was made with pipes
        waiting = select.poll()
        waiting.register(self._process.stdout.fileno(), select.POLLIN)
        if not self._pending and any(event & select.POLLIN for _, event in waiting.poll(0)):
            self._pending = os.read(self._process.stdout.fileno(), 65536)
        return bool(self._pending)

    def _line(self, deadline: float) -> bytes:
        """One line from the worker, b"" at its end. Raises TimeoutError at `deadline` (monotonic seconds)."""
        assert self._process.stdout is not None  # noqa: S101 - it was made with pipes
        descriptor = self._process.stdout.fileno()
        waiting = select.poll()
        waiting.register(descriptor, select.POLLIN)
        while b"\n" not in self._pending:
            if not waiting.poll(max(0.0, deadline - time.monotonic()) * 1000):
                raise TimeoutError
            received = os.read(descriptor, 65536)
            if not received:
                return b""
            self._pending += received
            if len(self._pending) > MOST_REPLY_BYTES:
                return self._pending  # which is no answer: it has no end
        line, _, self._pending = self._pending.partition(b"\n")
        return line

    def _ended(self) -> int | None:
        """How the process ended, which closed its pipe a moment ago; None where it lives on."""
        try:
            return self._process.wait(timeout=ENDING_SECONDS)
        except subprocess.TimeoutExpired:
            return None

    def _failed(self, what: str, *, hint: str = "") -> ProviderFailed:
        return ProviderFailed(
            self._printed.explaining(f"{self._provider.name} {what}"),
            hint=hint
            or "correct what it names: the credential (tic creds rotate NAME), its rights, or the zone",
        )


def surroundings(machine: Mapping[str, str]) -> dict[str, str]:
    """The environment of a worker, and of a program: of `machine`, the names in NETWORK alone."""
    network = {name: machine[name] for name in NETWORK if name in machine}
    return {"PATH": PROGRAM_PATH, "LANG": "C.UTF-8", "HOME": NOWHERE, **network}


def _in_memory(files: Mapping[str, bytes]) -> dict[str, int]:
    """Each file in memory that only this process and its children see (memfd_create(2)), never on a disk."""
    descriptors: dict[str, int] = {}
    for name, content in files.items():
        descriptors[name] = os.memfd_create(name)
        with open(descriptors[name], "wb", closefd=False) as stream:
            stream.write(content)
    return descriptors


def _read(reply: bytes) -> dict[str, Any] | None:
    """The worker's answer; None where it is none."""
    try:
        answer = json.loads(reply)
    except (ValueError, RecursionError):
        return None
    return answer if isinstance(answer, dict) else None


def _how(ended: int | None) -> str:
    if ended is None:
        return "its answer can't be read"
    return f"signal {-ended}" if ended < 0 else f"exit code {ended}"


def _request(action: str, record: Record) -> dict[str, str]:
    return {
        "action": action,
        "domain": record.challenge.domain,
        "token": record.challenge.token,
        "key_authorization": record.challenge.key_authorization,
    }


def _check_variable(provider: str, name: str, value: object, allowed: Collection[str]) -> None:
    if name not in allowed or not re.fullmatch(r"[A-Z][A-Z0-9_]*", name) or name in NETWORK:
        raise EnvironmentRefused(
            f"{name!r} is no setting of {provider}",
            hint="see the fields of this kind of credential: tic creds new --help",
        )
    problem = _problem(value)
    if problem:
        raise EnvironmentRefused(
            f"the value for {name} of {provider} {problem}",
            hint="correct the credential's field: tic creds rotate NAME",
        )


def _problem(value: object) -> str:
    if not isinstance(value, str):
        return "is not text"
    if "\0" in value:
        return "holds a NUL character, which no environment variable can hold"
    try:
        size = len(value.encode())
    except UnicodeEncodeError:
        return "holds half of a surrogate pair, which is no text"
    if size > MOST_VALUE_BYTES:
        return f"is {size} bytes long; {MOST_VALUE_BYTES} is the most"
    return ""


def _passwords(urls: Iterable[str]) -> list[str]:
    """What a proxy's address holds besides the address."""
    found = [urlsplit(url).password for url in urls if "@" in url]
    return [unquote(password) for password in found if password]


def _bridge() -> str:
    spec = find_spec("lego_bridge")
    if spec is None or spec.origin is None:
        raise BridgeMissing(
            "lego's DNS providers are not installed for this Python (the package certbot-dns-multi)",
            hint="install it: pip install certbot-dns-multi (Linux with glibc, x86_64 or aarch64); "
            "or use RFC 2136, which needs nothing else",
        )
    return spec.origin

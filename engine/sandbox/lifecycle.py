"""Starts, shows and ends the sandbox: Pebble, which validates for real, and the DNS server that it asks."""

import json
import socket
import ssl
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from engine.errors import EngineError
from engine.home import Home
from engine.sandbox import credential, processes
from engine.sandbox.files import Folder, ProcessRecord, Sandbox, write_private
from engine.sandbox.ports import HOST, free_port, is_free
from engine.toolchain.pebble import PebbleTools

if TYPE_CHECKING:
    from credentials.vault import Vault

PEBBLE, DNS = "pebble", "challtestsrv"
LOOKS = 400  # of 0.05 s each, at a server that is starting
PROFILES = {"default": {"description": "90 days", "validityPeriod": 90 * 86400}}  # of several it takes any


class SandboxFailed(EngineError):
    """A server of the sandbox did not start."""

    exit_code = 6


@dataclass(frozen=True, slots=True)
class Status:
    """Which of the two processes run, and where they answer (None: the sandbox was never up)."""

    sandbox: Sandbox | None
    pebble: bool
    dns: bool

    @property
    def up(self) -> bool:
        """Whether all of it runs."""
        return self.pebble and self.dns


def status(home: Home) -> Status:
    """What runs now; starts and changes nothing."""
    folder = Folder(home)
    records = folder.processes()
    return Status(folder.sandbox(), processes.runs(records.get(PEBBLE)), processes.runs(records.get(DNS)))


def up(home: Home, tools: PebbleTools, vault: "Vault | None") -> Sandbox:
    """Start what does not run, wait until it answers, and see to the credential, where there is a vault.

    Raises SandboxFailed with the end of the server's log; what runs by then goes on.
    """
    folder = Folder(home)
    with folder.locked():
        records = {name: each for name, each in folder.processes().items() if processes.runs(each)}
        before = folder.sandbox()
        sandbox = _addresses(folder, before, running=frozenset(records))
        folder.write_sandbox(sandbox)
        if DNS not in records:
            write_private(folder.path / "values.json", b"{}")  # it starts without any record
            _start(folder, records, DNS, _dns_command(tools, sandbox))
            _wait(folder, records, DNS, lambda: _dns_answers(sandbox))
        if PEBBLE not in records:
            _start(folder, records, PEBBLE, _pebble_command(folder, tools, sandbox))
            _wait(folder, records, PEBBLE, lambda: _get(sandbox, sandbox.directory) is not None)
            write_private(
                folder.path / "issuing-root.pem", _get(sandbox, f"{sandbox.management}/roots/0") or b""
            )
        if vault is not None:
            known = Path(before.program) if before and before.credential else None
            name = credential.ensure(vault, Path(sandbox.program), before=known)
            sandbox = replace(sandbox, credential=name)
            folder.write_sandbox(sandbox)
    return sandbox


def down(home: Home) -> list[str]:
    """End the sandbox's processes, and no others; returns the names of those that ran."""
    folder = Folder(home)
    if not folder.path.exists():
        return []
    with folder.locked():
        ended = [name for name, record in folder.processes().items() if processes.end(record)]
        folder.write_processes({})
    return ended


def _addresses(folder: Folder, before: Sandbox | None, *, running: frozenset[str]) -> Sandbox:
    """The addresses of the last time, where its server runs or its port is still free; else new ones."""

    def port(url: str | None, server: str) -> int:
        known = urlsplit(url).port if url else None
        return known if known and (server in running or is_free(known)) else free_port()

    if not (folder.path / "ca.pem").exists():
        from engine.sandbox import certificates  # slow to import, and needed once

        certificates.make(folder.path, now=datetime.now(UTC))
    return Sandbox(
        directory=f"https://localhost:{port(before.directory if before else None, PEBBLE)}/dir",
        ca_file=str(folder.path / "ca.pem"),
        nameserver=f"{HOST}:{port(f'//{before.nameserver}' if before else None, DNS)}",
        management=f"https://localhost:{port(before.management if before else None, PEBBLE)}",
        dns_management=f"http://{HOST}:{port(before.dns_management if before else None, DNS)}",
        program=str(credential.install_program(folder.path)),
        credential=before.credential if before else None,
    )


def _dns_command(tools: PebbleTools, sandbox: Sandbox) -> list[str]:
    off = ["-http01", "", "-https01", "", "-doh", "", "-tlsalpn01", ""]
    management = urlsplit(sandbox.dns_management).netloc
    return [str(tools.challtestsrv), *off, "-dnsserver", sandbox.nameserver, "-management", management]


def _pebble_command(folder: Folder, tools: PebbleTools, sandbox: Sandbox) -> list[str]:
    settings = {
        "listenAddress": f"{HOST}:{urlsplit(sandbox.directory).port}",
        "managementListenAddress": f"{HOST}:{urlsplit(sandbox.management).port}",
        "certificate": str(folder.path / "server.pem"),
        "privateKey": str(folder.path / "server.key"),
        "httpPort": 80,
        "tlsPort": 443,
        "retryAfter": {"authz": 1, "order": 1},
        "keyAlgorithm": "ecdsa",
        "profiles": PROFILES,
    }
    path = folder.path / "pebble.json"
    write_private(path, json.dumps({"pebble": settings}, indent=2).encode())
    return [str(tools.pebble), "-config", str(path), "-dnsserver", sandbox.nameserver]


def _start(folder: Folder, records: dict[str, ProcessRecord], name: str, command: list[str]) -> None:
    """Start one server and write its process down at once, so that `down` finds it whatever happens next."""
    log = folder.path / f"{name}.log"
    environment = {"PEBBLE_VA_NOSLEEP": "1"}  # validates at once; what it validates is real
    records[name] = processes.start(command, folder=folder.path, log=log, environment=environment)
    folder.write_processes(records)


def _wait(folder: Folder, records: dict[str, ProcessRecord], name: str, answers: Callable[[], bool]) -> None:
    for _ in range(LOOKS):
        if answers():
            return
        if not processes.runs(records[name]):
            break
        processes.pause()
    log = folder.path / f"{name}.log"
    said = " / ".join(log.read_text(errors="replace").split("\n")[-4:]).strip(" /")
    raise SandboxFailed(
        f"the sandbox's {name} did not start: {said or 'no message'}",
        hint=f"look at {log}, then start again: tic sandbox down && tic sandbox up",
    )


def _dns_answers(sandbox: Sandbox) -> bool:
    try:
        for address in (sandbox.nameserver, urlsplit(sandbox.dns_management).netloc):
            host, _, port = address.rpartition(":")
            socket.create_connection((host, int(port)), timeout=2).close()
    except OSError:
        return False
    return True


def _get(sandbox: Sandbox, url: str) -> bytes | None:
    """What `url` answers, or None; a proxy of the user's has no part in what stays on this machine."""
    trust = ssl.create_default_context(cafile=sandbox.ca_file)
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=trust)
    )
    try:
        with opener.open(url, timeout=5) as answer:
            return bytes(answer.read())
    except OSError:
        return None

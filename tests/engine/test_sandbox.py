"""The sandbox: real servers, started once, ended by nobody else; its program changes its own records."""

import os
import ssl
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import dns.message
import dns.query
import dns.rdatatype
import psutil
import pytest

from credentials.vault import Vault
from engine.bindings import Usage
from engine.database import Database
from engine.errors import EngineError
from engine.home import Home
from engine.sandbox import credential, lifecycle, processes
from engine.sandbox.files import Folder, ProcessRecord, Sandbox
from engine.toolchain.pebble import PebbleTools
from tests.servers import programs


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    home = Home(tmp_path / "home", tmp_path / "cache")
    yield home
    lifecycle.down(home)


@pytest.fixture
def tools() -> PebbleTools:
    return PebbleTools(programs.pebble(), programs.challtestsrv())


@pytest.fixture
def vault(home: Home) -> Iterator[Vault]:
    database = Database.open(home, create=True)
    yield Vault.create(database, home.root, usage=Usage())
    database.close()


def txt(sandbox: Sandbox, name: str) -> list[str]:
    host, _, port = sandbox.nameserver.rpartition(":")
    answer = dns.query.udp(dns.message.make_query(name, dns.rdatatype.TXT), host, port=int(port), timeout=5)
    return sorted(str(value).strip('"') for rrset in answer.answer for value in rrset)


def record(sandbox: Sandbox, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([sandbox.program, *arguments], capture_output=True, text=True, env={}, check=False)


@pytest.mark.server
def test_up_answers_at_its_directory_and_again_changes_nothing(home: Home, tools: PebbleTools) -> None:
    first = lifecycle.up(home, tools, None)
    started = Folder(home).processes()
    trust = ssl.create_default_context(cafile=first.ca_file)
    with urllib.request.urlopen(first.directory, context=trust, timeout=5) as answer:  # noqa: S310
        assert b"newOrder" in answer.read()
    assert lifecycle.status(home).up
    assert lifecycle.up(home, tools, None) == first
    assert Folder(home).processes() == started


@pytest.mark.server
def test_down_ends_both_and_the_next_up_has_the_same_addresses(home: Home, tools: PebbleTools) -> None:
    first = lifecycle.up(home, tools, None)
    pids = [each.pid for each in Folder(home).processes().values()]
    assert sorted(lifecycle.down(home)) == ["challtestsrv", "pebble"]
    assert not any(psutil.pid_exists(pid) for pid in pids)
    assert lifecycle.down(home) == []
    assert lifecycle.up(home, tools, None) == first


@pytest.mark.server
def test_a_server_that_died_is_started_again_and_the_other_one_stays(home: Home, tools: PebbleTools) -> None:
    first = lifecycle.up(home, tools, None)
    before = Folder(home).processes()
    processes.end(before["challtestsrv"])
    status = lifecycle.status(home)
    assert (status.pebble, status.dns, status.up) == (True, False, False)
    assert lifecycle.up(home, tools, None) == first
    after = Folder(home).processes()
    assert after["pebble"] == before["pebble"]
    assert after["challtestsrv"].pid != before["challtestsrv"].pid


@pytest.mark.server
def test_it_is_private_and_outlives_the_terminal(home: Home, tools: PebbleTools) -> None:
    lifecycle.up(home, tools, None)
    modes = {path.stat().st_mode & 0o077 for path in (home.sandbox, *home.sandbox.iterdir())}
    assert modes == {0}
    assert all(os.getsid(each.pid) == each.pid for each in Folder(home).processes().values())


@pytest.mark.server
def test_the_program_adds_and_removes_its_own_value_only(home: Home, tools: PebbleTools) -> None:
    sandbox = lifecycle.up(home, tools, None)
    name = "_acme-challenge.example.test."
    for value in ("apex", "wildcard", "apex"):
        assert record(sandbox, "present", name, value).returncode == 0
    assert txt(sandbox, name) == ["apex", "wildcard"]
    assert record(sandbox, "cleanup", name, "apex").returncode == 0
    assert txt(sandbox, name) == ["wildcard"]
    for _ in range(2):
        assert record(sandbox, "cleanup", name, "wildcard").returncode == 0
    assert txt(sandbox, name) == []


@pytest.mark.server
def test_the_program_knows_the_raw_mode(home: Home, tools: PebbleTools) -> None:  # D3
    sandbox = lifecycle.up(home, tools, None)
    raw = ("--", "example.test", "token", "token.thumbprint")
    assert record(sandbox, "present", *raw).returncode == 0
    # RFC 8555 8.4: base64url(sha256("token.thumbprint"))
    assert txt(sandbox, "_acme-challenge.example.test.") == ["61rBZ_4knHblO0MNoxFsXZ_eTFUHum0B6IVRbhvUn5I"]
    assert record(sandbox, "cleanup", *raw).returncode == 0
    assert txt(sandbox, "_acme-challenge.example.test.") == []


@pytest.mark.server
def test_the_program_says_what_to_do_when_the_server_is_down(home: Home, tools: PebbleTools) -> None:
    sandbox = lifecycle.up(home, tools, None)
    lifecycle.down(home)
    answer = record(sandbox, "present", "x.test.", "v")
    assert answer.returncode == 1
    assert answer.stderr.endswith("start it: tic sandbox up\n")
    assert record(sandbox, "timeout").returncode == 1


@pytest.mark.server
def test_up_makes_the_credential_once(home: Home, tools: PebbleTools, vault: Vault) -> None:
    sandbox = lifecycle.up(home, tools, vault)
    assert sandbox.credential == "sandbox"
    made = vault.find("sandbox")
    opened = vault.opened("sandbox", purpose="a test")
    assert opened.fields["path"].reveal().decode() == sandbox.program
    lifecycle.up(home, tools, vault)
    assert (vault.find("sandbox").token, vault.find("sandbox").version) == (made.token, 1)


def test_the_credential_follows_a_program_that_moved(vault: Vault, tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    for program in (old, new):
        program.write_text("#!/bin/sh\n")
        program.chmod(0o700)
    credential.ensure(vault, old, before=None)
    token = vault.find("sandbox").token
    credential.ensure(vault, new, before=old)
    opened = vault.opened("sandbox", purpose="a test")
    assert opened.fields["path"].reveal().decode() == str(new)
    assert opened.credential.token == token


def test_a_credential_of_another_kind_keeps_its_name(vault: Vault, tmp_path: Path) -> None:
    vault.new("sandbox", "username-password", {"username": "u", "password": "p"})
    with pytest.raises(EngineError, match="belongs to a credential of kind username-password") as caught:
        credential.ensure(vault, tmp_path / "program", before=None)
    assert "tic creds delete sandbox" in caught.value.hint


def test_a_record_of_a_process_id_that_another_process_has_now_is_stale() -> None:
    other = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        stale = ProcessRecord(other.pid, time.time() - 86400)
        assert not processes.runs(stale)
        assert not processes.end(stale)
        assert other.poll() is None
        assert processes.runs(ProcessRecord(other.pid, psutil.Process(other.pid).create_time()))
    finally:
        other.communicate(b"\n")


def test_a_server_that_does_not_start_is_told_with_its_log(home: Home, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.write_text("#!/bin/sh\necho 'cannot bind'\nexit 1\n")
    broken.chmod(0o700)
    with pytest.raises(lifecycle.SandboxFailed, match="challtestsrv did not start: cannot bind") as caught:
        lifecycle.up(home, PebbleTools(broken, broken), None)
    assert "challtestsrv.log" in caught.value.hint
    assert not lifecycle.status(home).up


def test_status_and_down_before_any_up_change_nothing(home: Home) -> None:
    assert lifecycle.status(home) == lifecycle.Status(None, pebble=False, dns=False)
    assert lifecycle.down(home) == []
    assert not home.root.exists()

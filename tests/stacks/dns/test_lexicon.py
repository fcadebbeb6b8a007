"""dns-lexicon deletes one value in a process of its own; the provider behind it here is a real PowerDNS."""

import secrets
import socket
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import psutil
import pytest

from stacks.dns.lexicon import Account, delete
from stacks.dns.publisher import ProviderFailed
from tests.servers.powerdns import PowerDns, powerdns

pytestmark = pytest.mark.server

ZONE = "example.test"
NAME = f"_acme-challenge.www.{ZONE}"
CANARY = "canary-" + secrets.token_hex(8)


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PowerDns]:
    with powerdns(tmp_path_factory.mktemp("pdns"), [ZONE]) as made:
        yield made


def account(real: PowerDns, key: str = "") -> Account:
    options = {"auth_token": key or real.key, "pdns_server": real.api, "pdns_server_id": "localhost"}
    return Account("powerdns", options)


def test_one_value_goes_and_all_else_stays(real: PowerDns) -> None:
    real.put(ZONE, NAME, "TXT", '"theirs"', '"more of theirs"', ttl=77, comment="do not touch")
    real.put(ZONE, f"www.{ZONE}", "A", "192.0.2.1")
    before = real.everything()
    real.put(ZONE, NAME, "TXT", '"theirs"', '"mine"', '"more of theirs"', ttl=77)
    assert delete(account(real), ZONE, NAME, "mine", machine={}) == 1
    assert real.everything() == before
    assert delete(account(real), ZONE, NAME, "mine", machine={}) == 0
    assert real.everything() == before


def test_what_it_says_holds_no_secret(real: PowerDns) -> None:  # B4
    with pytest.raises(ProviderFailed, match="401 Client Error") as failed:
        delete(account(real, CANARY), ZONE, NAME, "mine", machine={})
    assert CANARY not in f"{failed.value}{failed.value.hint}"
    assert failed.value.__cause__ is None


def words(process: psutil.Process) -> list[str]:
    """Its command line; none where it has ended meanwhile."""
    try:
        return process.cmdline()
    except psutil.NoSuchProcess:
        return []


def test_a_provider_that_never_answers_is_given_up_and_nobody_else_sees_the_secret() -> None:  # B4
    """Neither the command line of its process nor its environment, nor any file, holds it."""
    failures: list[ProviderFailed] = []
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        asked = Account("powerdns", {"auth_token": CANARY, "pdns_server": url})

        def ask() -> None:
            with pytest.raises(ProviderFailed, match="ended without an answer") as failed:
                delete(asked, ZONE, NAME, "mine", seconds=4)
            failures.append(failed.value)

        thread = Thread(target=ask)
        thread.start()
        connection, _address = silent.accept()  # now it has its settings, and waits for an answer
        children = psutil.Process().children()
        (process,) = (each for each in children if any("lexicon_main" in word for word in words(each)))
        seen = f"{process.cmdline()}{process.environ()}"
        thread.join(30)
        connection.close()
    assert CANARY not in f"{seen}{failures[0]}{failures[0].hint}"
    assert not process.is_running()


def test_what_lexicon_does_not_know_is_said() -> None:
    with pytest.raises(ProviderFailed, match="is not supported by Lexicon"):
        delete(Account("nowhere", {"auth_token": CANARY}), ZONE, NAME, "mine", machine={})


def test_a_program_that_lies_in_the_way_is_not_imported(
    real: PowerDns, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing of tic's own environment reaches it: neither PYTHONPATH nor the folder that tic stands in."""
    (tmp_path / "lexicon.py").write_text("raise SystemExit('taken over')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert delete(account(real), ZONE, NAME, "mine") == 0

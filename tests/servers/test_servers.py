"""The servers that other tests rely on are real: they refuse what they should, and they end."""

import subprocess
import sys
from pathlib import Path

import dns.name
import dns.query
import dns.rcode
import dns.tsig
import dns.tsigkeyring
import dns.update
import psutil
import pytest
from cryptography import x509

from tests.servers.bind import Bind, TsigKey
from tests.servers.pebble import Pebble
from tests.servers.process import accepts

ROOT = Path(__file__).parent.parent.parent
pytestmark = pytest.mark.server


def test_bind_takes_updates_signed_with_its_key_and_lists_them(own_bind: Bind) -> None:
    assert own_bind.every_txt() == {}
    own_bind.add_txt("_acme-challenge.example.test", "one")
    own_bind.add_txt("_acme-challenge.example.test", "two")
    own_bind.add_txt("a.open.test", "three")
    assert own_bind.txt("_acme-challenge.example.test") == ["one", "two"]
    assert own_bind.every_txt() == {"_acme-challenge.example.test": ["one", "two"], "a.open.test": ["three"]}


@pytest.mark.parametrize("signed", [False, True])
def test_bind_refuses_an_update_without_its_key_or_with_a_wrong_one(
    shared_bind: Bind, tsig_key: TsigKey, signed: bool
) -> None:
    update = dns.update.UpdateMessage("example.test")
    update.add("x", 1, "TXT", "no")
    if signed:
        wrong = dns.tsigkeyring.from_text({tsig_key.name: ("hmac-sha256.", TsigKey().secret)})
        update.use_tsig(wrong, algorithm=dns.name.from_text("hmac-sha256"))
        with pytest.raises(dns.tsig.PeerBadSignature):
            dns.query.tcp(update, shared_bind.host, port=shared_bind.port, timeout=5)
    else:
        answer = dns.query.tcp(update, shared_bind.host, port=shared_bind.port, timeout=5)
        assert answer.rcode() == dns.rcode.REFUSED
    assert shared_bind.txt("x.example.test") == []


def test_pebble_shows_its_directory_and_its_issuing_root(shared_pebble: Pebble) -> None:
    root = x509.load_pem_x509_certificate(shared_pebble.issuing_root().encode())
    assert "Pebble Root CA" in root.subject.rfc4514_string()
    assert root != x509.load_pem_x509_certificate(shared_pebble.ca_file.read_bytes())


def test_a_killed_server_is_gone_at_once(own_bind: Bind) -> None:
    children = psutil.Process(own_bind.process.guard.pid).children()
    own_bind.process.kill()
    assert not accepts(own_bind.host, own_bind.port)
    assert not any(child.is_running() for child in children)


def test_a_server_ends_with_a_session_that_is_killed(tmp_path: Path) -> None:
    script = (
        "import pathlib, sys\n"
        "from tests.servers.bind import Zone, bind\n"
        "with bind(pathlib.Path(sys.argv[1]), [Zone('x.test')]) as server:\n"
        "    print(server.process.guard.pid, flush=True)\n"
        "    sys.stdin.read()\n"
    )
    session = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert session.stdout
    guard = psutil.Process(int(session.stdout.readline()))
    servers = guard.children()
    session.kill()
    session.communicate()
    assert servers
    for process in servers:
        process.wait(timeout=20)

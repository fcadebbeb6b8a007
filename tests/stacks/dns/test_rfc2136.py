"""Dynamic updates against a real BIND 9, and what is said when they are not taken."""

import base64
import secrets
from pathlib import Path

import dns.flags
import dns.message
import dns.query
import dns.rcode
import pytest
from dns.message import Message

from stacks.dns.publisher import ProviderFailed, Record
from stacks.dns.record import Challenge
from stacks.dns.rfc2136 import DynamicUpdates, Settings, SettingsMalformed
from tests.servers.bind import Bind, TsigKey, Zone, bind
from tests.stacks.dns.answering import Query, answering, response

NAME = "_acme-challenge.example.test"


def record(name: str = NAME) -> Record:
    return Record(Challenge("example.test", "one", "one.thumbprint"), name)


def updates(server: Bind, key: TsigKey | None, *, algorithm: str = "") -> DynamicUpdates:
    if key is None:
        return DynamicUpdates(Settings.read(server.address))
    return DynamicUpdates(Settings.read(server.address, key.name, key.secret, algorithm or key.algorithm))


def refused(publisher: DynamicUpdates, what: Record) -> ProviderFailed:
    with pytest.raises(ProviderFailed) as failed:
        publisher.perform(what)
    return failed.value


@pytest.mark.server
@pytest.mark.parametrize("algorithm", ["hmac-sha256", "hmac-sha512"])
def test_updates_are_signed_with_the_key(tmp_path: Path, algorithm: str) -> None:
    key = TsigKey(algorithm=algorithm)
    with bind(tmp_path, [Zone("example.test", key)]) as server:
        updates(server, key, algorithm=f"{algorithm}.").perform(record())
        assert server.txt(NAME) == [record().value]


@pytest.mark.server
def test_a_server_may_take_updates_without_a_key(own_bind: Bind) -> None:
    updates(own_bind, None).perform(record("_acme-challenge.open.test"))
    assert own_bind.txt("_acme-challenge.open.test") == [record().value]


@pytest.mark.server
def test_the_longest_zone_at_the_server_takes_the_record(tmp_path: Path) -> None:
    zones = [Zone("example.test"), Zone("sub.example.test")]
    with bind(tmp_path, zones) as server:
        updates(server, None).perform(record("_acme-challenge.a.sub.example.test"))
        assert server.every_txt() == {"_acme-challenge.a.sub.example.test": [record().value]}


@pytest.mark.server
def test_nothing_but_the_one_value_is_deleted(own_bind: Bind, tsig_key: TsigKey) -> None:
    own_bind.add_txt(NAME, "somebody else's")
    publisher = updates(own_bind, tsig_key)
    publisher.perform(record())
    publisher.cleanup(record())
    assert own_bind.txt(NAME) == ["somebody else's"]


@pytest.mark.server
def test_other_values_of_the_name_keep_their_ttl(tmp_path: Path) -> None:
    with bind(tmp_path, [Zone("open.test", records='_acme-challenge 77 IN TXT "theirs"')]) as server:
        made = updates(server, None)
        made.perform(record("_acme-challenge.open.test"))
        query = dns.message.make_query("_acme-challenge.open.test", "TXT")
        (rrset,) = dns.query.tcp(query, server.host, port=server.port, timeout=5).answer
        assert (rrset.ttl, len(rrset)) == (77, 2)
        made.cleanup(record("_acme-challenge.open.test"))
        assert server.txt("_acme-challenge.open.test") == ["theirs"]


@pytest.mark.server
def test_an_unknown_key_is_told_by_its_name(shared_bind: Bind) -> None:
    error = refused(updates(shared_bind, TsigKey(name="nobody")), record())
    assert "does not know the TSIG key nobody with hmac-sha256 (BADKEY)" in str(error)
    assert error.untouched


@pytest.mark.server
def test_a_wrong_algorithm_is_told_by_its_name(shared_bind: Bind, tsig_key: TsigKey) -> None:
    error = refused(updates(shared_bind, tsig_key, algorithm="hmac-sha512"), record())
    assert "hmac-sha512" in str(error)
    assert "algorithm" in error.hint


@pytest.mark.server
def test_a_wrong_secret_is_told_and_not_shown(shared_bind: Bind, tsig_key: TsigKey) -> None:
    wrong = TsigKey(name=tsig_key.name)
    error = refused(updates(shared_bind, wrong), record())
    assert f"has another secret for the TSIG key {tsig_key.name} (BADSIG)" in str(error)
    assert wrong.secret not in f"{error} {error.hint} {error.__cause__!r}"


@pytest.mark.server
def test_an_update_without_the_key_that_is_needed_is_refused_with_what_to_allow(shared_bind: Bind) -> None:
    error = refused(updates(shared_bind, None), record())
    assert (
        "refuses adding the TXT record _acme-challenge.example.test in the zone example.test (REFUSED)"
        in str(error)
    )
    assert "allow-update" in error.hint
    assert error.untouched


@pytest.mark.server
def test_a_server_without_the_zone_is_told_so(shared_bind: Bind, tsig_key: TsigKey) -> None:
    error = refused(updates(shared_bind, tsig_key), record("_acme-challenge.elsewhere.org"))
    assert "holds no zone for _acme-challenge.elsewhere.org" in str(error)
    assert "primary name server" in error.hint


@pytest.mark.server
def test_a_dead_server_is_told_within_its_time(tmp_path: Path) -> None:
    with bind(tmp_path, [Zone("open.test")]) as server:
        address = server.address
    publisher = DynamicUpdates(Settings.read(address), seconds=0.2)
    error = refused(publisher, record())
    assert f"the name server {address} can't be reached for dynamic updates" in str(error)
    assert not error.untouched


def test_a_server_that_does_not_answer_is_told() -> None:
    with answering(lambda _query: None) as server:
        error = refused(DynamicUpdates(Settings.read(server.address), seconds=0.2), record())
    assert "no answer within 0.2 s over UDP, nor over TCP" in str(error)


def test_a_clock_that_is_wrong_is_told() -> None:
    key = TsigKey()

    def badtime(query: Query) -> Message:
        """BADTIME as RFC 8945 5.2.3 has it: NOTAUTH, and the TSIG record's own error."""
        made = response(query, code=dns.rcode.NOTAUTH)
        made.use_tsig(read.key, tsig_error=18)
        made.request_mac = query.message.mac or b""
        return made

    read = Settings.read("127.0.0.1", key.name, key.secret, key.algorithm)
    with answering(badtime, key=read.key) as server:
        host, port = server.address.split(":")
        error = refused(DynamicUpdates(Settings(host, int(port), read.key), seconds=1), record())
    assert "BADTIME" in str(error)
    assert "clock" in error.hint


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("ns:x",), "is not a host"),
        (("",), "is not a host"),
        (("ns1.test", "key", ""), "has a name and no secret"),
        (("ns1.test", "", "c2VjcmV0"), "has a secret and no name"),
        (("ns1.test", "key", "c2VjcmV0", "hmac-sha3"), "algorithm 'hmac-sha3' is not known"),
        (("ns1.test", "a..b", "c2VjcmV0"), "is not a DNS name"),
    ],
)
def test_settings_that_can_not_be_used_are_refused(arguments: tuple[str, ...], message: str) -> None:
    with pytest.raises(SettingsMalformed, match=message) as error:
        Settings.read(*arguments)
    assert "tic creds rotate" in error.value.hint or "hmac-sha256" in error.value.hint


def test_a_secret_is_neither_in_the_error_nor_in_the_repr() -> None:
    secret = "not base64! " + secrets.token_hex(8)
    with pytest.raises(SettingsMalformed) as error:
        Settings.read("ns1.test", "key", secret)
    assert (
        secret
        not in f"{error.value!r} {error.value.hint} {error.value.__cause__!r} {error.value.__context__!r}"
    )
    good = base64.b64encode(secrets.token_bytes(32)).decode()
    assert good not in repr(Settings.read("ns1.test", "key", good))


def test_a_port_of_its_own_means_that_this_server_alone_is_asked() -> None:
    assert DynamicUpdates(Settings.read("127.0.0.1:5353")).nameservers == ("127.0.0.1:5353",)
    assert DynamicUpdates(Settings.read("127.0.0.1")).nameservers == ()

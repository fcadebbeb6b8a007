"""A credential that is rotated while a run publishes with it (B5): the next call meets the new values."""

import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from credentials.credential import Credential, State
from credentials.kinds import Kind
from credentials.secret import SecretBytes
from engine.leases import Lessee
from engine.publishers import Publishers, Stopped, named
from engine.state.sieve import Sieve
from engine.timing import Timing
from stacks.dns.publisher import ProviderFailed, Publisher, Record
from stacks.dns.record import Challenge
from tests.engine.dns_world import DnsWorld, dns_world

FIRST, SECOND = ("canary-" + secrets.token_hex(12) for _ in range(2))


def record(token: str = "one") -> Record:  # noqa: S107
    challenge = Challenge("example.test", token, f"{token}.thumbprint")
    return Record(challenge, challenge.name)


@dataclass
class Provider:
    """A DNS provider: which password it accepts, the records, and who has published each."""

    accepts: set[str]
    records: dict[str, str] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    before_call: list[Callable[[], None]] = field(default_factory=list)


@dataclass
class Session:
    """A worker with one password, which alone can withdraw what it published."""

    provider: Provider
    password: str
    ids: set[str] = field(default_factory=set)
    usable: bool = True
    nameservers: tuple[str, ...] = ()
    closed: bool = False

    def perform(self, record: Record) -> None:
        self._call("perform")
        self.provider.records[record.value] = self.password
        self.ids.add(record.value)

    def cleanup(self, record: Record) -> None:
        self._call("cleanup")
        if record.value in self.ids:
            self.provider.records.pop(record.value, None)

    def stop(self) -> None:
        self.usable = False

    def close(self) -> None:
        self.closed = True

    def _call(self, what: str) -> None:
        while self.provider.before_call:
            self.provider.before_call.pop()()
        self.provider.calls.append(f"{what} with {self.password}")
        if self.password not in self.provider.accepts:
            raise ProviderFailed(
                "the key is refused", hint="correct the credential: tic creds rotate NAME", untouched=True
            )


class Rotating(Publishers):
    """Publishers whose workers are `Session`s of one provider."""

    def __init__(self, lessee: Lessee, provider: Provider) -> None:
        super().__init__(lessee, "a test")
        self.provider = provider
        self.made: list[Session] = []

    def _publisher(
        self, kind: Kind, fields: Mapping[str, SecretBytes], resolvers: tuple[str, ...], timing: Timing
    ) -> Publisher:
        self.made.append(Session(self.provider, fields["password"].reveal().decode()))
        return self.made[-1]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[DnsWorld]:
    made = dns_world(tmp_path)
    yield made
    made.database.close()


@pytest.fixture
def token(world: DnsWorld) -> str:
    fields = {"endpoint": "http://dns.test", "username": "me", "password": FIRST}
    return world.bind("httpreq", fields, name="dns")


@pytest.fixture
def provider() -> Provider:
    return Provider({FIRST, SECOND})


@pytest.fixture
def publishers(world: DnsWorld, token: str, provider: Provider) -> Rotating:
    return Rotating(world.lessee(), provider)


def rotate(world: DnsWorld, token: str, password: str = SECOND) -> None:
    world.vault.rotate(token, {"password": password, "username": "me", "endpoint": "http://dns.test"})


def test_the_next_call_meets_the_new_values_and_asks_nobody_for_the_old_ones(
    world: DnsWorld, token: str, publishers: Rotating, provider: Provider
) -> None:
    publishers.perform(token, record("one"))
    publishers.perform(token, record("two"))
    rotate(world, token)
    publishers.perform(token, record("three"))
    publishers.perform(token, record("four"))
    assert provider.calls == [f"perform with {FIRST}"] * 2 + [f"perform with {SECOND}"] * 2
    assert len(publishers.made) == 2


def test_what_the_old_values_published_is_withdrawn_by_the_worker_that_did(
    world: DnsWorld, token: str, publishers: Rotating, provider: Provider
) -> None:
    publishers.perform(token, record())
    rotate(world, token)
    assert publishers.cleanup(token, record())
    assert provider.calls[-1] == f"cleanup with {FIRST}"
    assert provider.records == {}


def test_where_the_old_values_are_revoked_the_new_ones_withdraw_and_are_not_believed(
    world: DnsWorld, token: str, publishers: Rotating, provider: Provider
) -> None:
    publishers.perform(token, record())
    rotate(world, token)
    provider.accepts.remove(FIRST)
    assert not publishers.cleanup(token, record()), "the servers are to be asked"
    assert provider.calls[1:] == [f"cleanup with {FIRST}", f"cleanup with {SECOND}"]


def test_a_call_that_was_under_way_while_its_values_were_replaced_and_revoked_is_made_once_more(
    world: DnsWorld, token: str, publishers: Rotating, provider: Provider
) -> None:
    def meanwhile() -> None:
        rotate(world, token)
        provider.accepts.remove(FIRST)

    provider.before_call.append(meanwhile)
    publishers.perform(token, record())
    assert provider.calls == [f"perform with {FIRST}", f"perform with {SECOND}"]
    assert list(provider.records.values()) == [SECOND]
    assert publishers.cleanup(token, record())
    assert provider.records == {}


def test_so_is_a_withdrawal(world: DnsWorld, token: str, publishers: Rotating, provider: Provider) -> None:
    def meanwhile() -> None:
        rotate(world, token)
        provider.accepts.remove(FIRST)

    publishers.perform(token, record())
    provider.before_call.append(meanwhile)
    publishers.cleanup(token, record())
    assert provider.calls[1:] == [f"cleanup with {FIRST}", f"cleanup with {SECOND}"]


def test_a_failure_that_no_rotation_explains_is_made_once_and_told_with_the_credentials_name(
    token: str, publishers: Rotating, provider: Provider
) -> None:
    provider.accepts.clear()
    with pytest.raises(ProviderFailed) as failed:
        publishers.perform(token, record())
    assert provider.calls == [f"perform with {FIRST}"]
    assert failed.value.hint == "correct the credential: tic creds rotate dns"


def test_a_role_is_mended_as_roles_are() -> None:
    role = Credential(0, "role:alicloud", "the role", "alicloud", State.ACTIVE, 1, 0.0, 0.0, None, None)
    with pytest.raises(ProviderFailed) as failed, named(role):
        raise ProviderFailed("refused", hint="correct it: tic creds rotate NAME")
    assert failed.value.hint == "correct it: tic role reauthorize alicloud"


@pytest.mark.parametrize("touched", [False, True])
def test_that_nothing_was_written_is_certain_only_if_neither_attempt_wrote(
    world: DnsWorld, token: str, publishers: Rotating, provider: Provider, *, touched: bool
) -> None:
    def meanwhile() -> None:
        rotate(world, token)
        provider.accepts.clear()
        if touched:
            raise ProviderFailed("cut off half-way", hint="run it again")

    provider.before_call.append(meanwhile)
    with pytest.raises(ProviderFailed) as failed:
        publishers.perform(token, record())
    assert failed.value.untouched is not touched


def test_where_two_versions_may_have_published_a_withdrawal_is_not_believed(
    world: DnsWorld, token: str, publishers: Rotating, provider: Provider
) -> None:
    def meanwhile() -> None:
        rotate(world, token)
        raise ProviderFailed("cut off half-way", hint="run it again")

    provider.before_call.append(meanwhile)
    publishers.perform(token, record())
    assert not publishers.cleanup(token, record()), "the servers are to be asked"
    assert provider.calls == [f"perform with {SECOND}", f"cleanup with {SECOND}"]


def test_a_credential_that_is_deleted_ends_no_run_that_works_with_it(
    world: DnsWorld, token: str, publishers: Rotating, provider: Provider
) -> None:
    publishers.perform(token, record())
    world.bind("httpreq", {"endpoint": "http://dns.test"}, name="other")
    world.vault.activate("other")
    world.vault.delete(token)
    publishers.perform(token, record("two"))
    assert publishers.cleanup(token, record())
    assert publishers.cleanup(token, record("two"))
    assert provider.records == {}


def test_every_worker_of_every_version_is_closed(world: DnsWorld, token: str, publishers: Rotating) -> None:
    publishers.perform(token, record())
    rotate(world, token)
    publishers.perform(token, record("two"))
    publishers.close()
    assert [session.closed for session in publishers.made] == [True, True]
    rotate(world, token, FIRST)
    with pytest.raises(Stopped):
        publishers.perform(token, record("three"))


def test_a_worker_gets_no_value_that_the_runs_sieve_does_not_know(
    world: DnsWorld, token: str, provider: Provider
) -> None:  # C2
    sieve = Sieve()
    known_when_made: list[bool] = []

    class Watching(Rotating):
        def _publisher(
            self, kind: Kind, fields: Mapping[str, SecretBytes], resolvers: tuple[str, ...], timing: Timing
        ) -> Publisher:
            known_when_made.append(sieve.finds(fields["password"].reveal().decode()))
            return super()._publisher(kind, fields, resolvers, timing)

    watching = Watching(world.lessee(sieve), provider)
    watching.perform(token, record())
    assert not sieve.finds(SECOND)
    rotate(world, token)
    watching.perform(token, record("two"))
    assert known_when_made == [True, True]
    assert sieve.redact(f"{FIRST} {SECOND}") == "[secret] [secret]"


def test_a_key_that_a_provider_wants_as_a_file_gets_to_its_worker(world: DnsWorld) -> None:  # D4
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    ids = {name: f"ocid1.{name}.oc1..x" for name in ("tenancy", "user", "compartment")}
    fields = {f"{name}-ocid": value for name, value in ids.items()}
    fields |= {"region": "eu-frankfurt-1", "fingerprint": ":".join(["0f"] * 16), "private-key": pem}
    token = world.bind("oraclecloud", fields)
    publishers = Publishers(world.lessee(), "a test", machine={})
    try:
        assert publishers.nameservers(token) == ()  # its worker has read the key
    finally:
        publishers.close()

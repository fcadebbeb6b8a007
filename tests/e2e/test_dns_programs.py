"""D3, D4: a certificate from a real CA, its records published by a program, a web server, ACME-DNS, and by
dynamic updates with other keys.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from dns.message import Message

from stacks.dns.record import record_name
from tests.e2e.command import Result, Tic, setting
from tests.servers.acme_dns import acme_dns
from tests.servers.bind import TsigKey, Zone, bind
from tests.servers.challtestsrv import challtestsrv
from tests.servers.pebble import Pebble, pebble
from tests.stacks.dns.answering import Query, answering, no_such_name, txt
from tests.stacks.dns.provider_programs import publishing_program, webhook

pytestmark = pytest.mark.server

DOMAIN = "example.test"
NAME = record_name(DOMAIN)
PASSWORD = "a-password-of-one-server"


@dataclass(frozen=True, slots=True)
class Site:
    """A vault, a CA that validates through the name server at `address`, and a stack for one domain."""

    tic: Tic
    ca: Pebble
    address: str
    folder: Path

    def credential(self, kind: str, fields: dict[str, str], secrets: dict[str, str] | None = None) -> None:
        words = [word for name, value in fields.items() for word in ("--field", f"{name}={value}")]
        self.tic(
            "creds", "new", "dns", "--provider", kind, *words, "--secrets-from", "-",
            stdin=json.dumps(secrets or {}),
        )  # fmt: skip

    def stack(self) -> None:
        self.tic(
            "stack", "new", "site", "--template", "certificate",
            *setting("domains", [DOMAIN]),
            *setting("directory", self.ca.directory_url),
            *setting("caFile", str(self.ca.ca_file)),
            *setting("nameservers", [self.address]),
            *setting("deployDirectory", str(self.folder / "deployed")),
        )  # fmt: skip

    def up(self, code: int = 0) -> Result:
        return self.tic("stack", "up", "site", code=code)

    def is_issued(self) -> bool:
        return (self.folder / "deployed" / "fullchain.pem").exists()


Make = Callable[[str], Site]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Make]:
    with ExitStack() as stack:

        def made(address: str) -> Site:
            ca = stack.enter_context(pebble(tmp_path, dns=address, reuse_authorizations=0))
            folder = tmp_path / "work"
            folder.mkdir()
            tic = Tic(tmp_path / "home", folder)
            tic("vault", "init")
            return Site(tic, ca, address, folder)

        yield made


@pytest.mark.parametrize("mode", [pytest.param("default", marks=pytest.mark.soak), "RAW"])
def test_a_program_of_ones_own_publishes_what_the_ca_looks_for(
    site: Make, tmp_path: Path, mode: str
) -> None:  # D3
    with challtestsrv(tmp_path) as server:
        program = publishing_program(tmp_path, server.management_url)
        made = site(server.address)
        made.credential("exec", {"path": str(program.path), "mode": mode})
        made.stack()
        made.up()
        assert made.is_issued()
    (present, *first), (cleanup, *last) = program.calls()
    assert (present, cleanup) == ("present", "cleanup")
    assert first == last
    assert first[:2] == (["--", DOMAIN] if mode == "RAW" else [f"{NAME}.", first[1]])


@pytest.mark.parametrize("mode", ["default", pytest.param("RAW", marks=pytest.mark.soak)])
def test_a_web_server_of_ones_own_publishes_what_the_ca_looks_for(site: Make, mode: str) -> None:  # D3
    with webhook(user="publisher", password=PASSWORD) as hook:

        def respond(query: Query) -> Message:
            values = hook.records.get(query.name.lower(), set()) if query.kind == "TXT" else set()
            return txt(query, *values) if values else no_such_name(query)

        with answering(respond) as server:
            made = site(server.address)
            fields = {"endpoint": hook.url, "mode": mode, "username": "publisher"}
            made.credential("httpreq", fields, {"password": PASSWORD})
            made.stack()
            made.up()
            assert made.is_issued()
    assert [path for path, _, _ in hook.requests] == ["/present", "/cleanup"]
    words = {"domain", "token", "keyAuth"} if mode == "RAW" else {"fqdn", "value"}
    assert [body.keys() for _, body, _ in hook.requests] == [words, words]
    assert hook.records[NAME] == set()


def test_acme_dns_registers_at_the_first_up_and_issues_once_the_cname_is_set(
    site: Make, tmp_path: Path
) -> None:  # D4
    with acme_dns() as server:
        made = site(server.address)
        made.credential("acme-dns", {"api-base": server.url})
        made.stack()
        told = made.up(code=1).err
        (account,) = server.accounts
        assert f"{NAME}. CNAME {account.fulldomain}." in told
        assert not made.is_issued()
        server.delegate(NAME, account)
        made.up()
        assert made.is_issued()
        assert len(server.accounts) == 1
        assert made.tic("dns", "records", "--json").json() == []
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert not [path for path in files if account.password.encode() in path.read_bytes()]  # C2
    assert account.password not in told


@pytest.mark.parametrize("algorithm", ["hmac-sha512", pytest.param("", marks=pytest.mark.soak)])
def test_dynamic_updates_with_another_key_or_none_publish_what_the_ca_looks_for(
    site: Make, tmp_path: Path, algorithm: str
) -> None:  # D5
    key = TsigKey(algorithm=algorithm) if algorithm else None
    with bind(tmp_path, [Zone(DOMAIN, key)]) as server:
        made = site(server.address)
        fields, secrets = {"nameserver": server.address}, dict[str, str]()
        if key is not None:
            fields |= {"tsig-key": key.name, "tsig-algorithm": key.algorithm}
            secrets = {"tsig-secret": key.secret}
        made.credential("rfc2136", fields, secrets)
        made.stack()
        made.up()
        assert made.is_issued()
        assert server.every_txt() == {}

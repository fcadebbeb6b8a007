"""B5: a credential is rotated, and its former values are revoked, while an `up` works with it."""

import json
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psutil
import pytest

from tests.e2e.test_secrets import forms, places
from tests.e2e.world import World, world
from tests.servers.bind import Bind, TsigKey
from tests.servers.pebble import Pebble

pytestmark = pytest.mark.server

PROJECT = "name: site\nruntime: python\n"
PROGRAM = """
import pathlib
import time

import pulumi

from stacks import resources

HERE = pathlib.Path(__file__).parent
NAMES = ["one.example.test", "*.example.test", "three.other.test"]


def held(publication):
    \"\"\"The first record is published; what follows waits until it may go on.\"\"\"
    (HERE / "reached").touch()
    while not (HERE / "go-on").exists():
        time.sleep(0.01)
    return publication


def proof(domain):
    nothing = {"token": None, "key_authorization": None, "challenge_url": None}
    return order.authorizations.apply(
        lambda found: nothing | next(dict(each) for each in found if each["domain"] == domain)
    )


account = resources.Account(
    "site", directory_url=DIRECTORY, terms_of_service_agreed=True, ca_certificates=CA
)
access = {
    "directory_url": account.directory_url,
    "account_uri": account.account_uri,
    "account_key_pem": account.private_key_pem,
    "ca_certificates": CA,
}
order = resources.Order("site", **access, domains=NAMES, key_type="ec256", epoch=1)
settled = []
for domain in NAMES:  # a chain: one record is withdrawn before the next one is published
    one, identifier = proof(domain), domain.removeprefix("*.")
    record = resources.ChallengeRecord(
        domain,
        identifier=identifier,
        token=one["token"],
        key_authorization=one["key_authorization"],
        authorization_status=one["status"],
        nameservers=[NAMESERVER],
        opts=pulumi.ResourceOptions(depends_on=settled[-1:]),
    )
    settled.append(
        resources.Authorization(
            domain,
            **access,
            identifier=identifier,
            url=one["url"],
            challenge_url=one["challenge_url"],
            publication=record.publication.apply(held),
        )
    )
certificate = resources.Certificate(
    "site",
    **access,
    order_url=order.order_url,
    csr_pem=order.csr_pem,
    private_key_pem=order.private_key_pem,
    domains=order.domains,
    opts=pulumi.ResourceOptions(depends_on=settled),
)
pulumi.export("serial", certificate.serial)
"""


@pytest.fixture
def successor() -> TsigKey:
    return TsigKey(name="tic-next")


@pytest.fixture
def site(
    tmp_path: Path, own_bind: Bind, own_pebble: Pebble, tsig_key: TsigKey, successor: TsigKey
) -> Iterator[World]:
    """The stack site/dev, whose program stops when its first record is published; BIND takes both keys."""
    own_bind.accept(tsig_key, successor)
    with world(tmp_path, own_bind, own_pebble, tsig_key) as made:
        made.new_credential()
        project = made.folder / "site"
        project.mkdir()
        (project / "Pulumi.yaml").write_text(PROJECT)
        given = {
            "DIRECTORY": own_pebble.directory_url,
            "CA": own_pebble.ca_file.read_text(),
            "NAMESERVER": own_bind.address,
        }
        lines = "".join(f"{name} = {value!r}\n" for name, value in given.items())
        (project / "__main__.py").write_text(lines + PROGRAM)
        made.tic("stack", "new", "dev", "--dir", str(project), "--provider", "rfc2136")
        yield made


@contextmanager
def up_in_the_middle(made: World) -> "Iterator[subprocess.Popen[str]]":
    """An `up` whose first record is published, and that waits for `go_on`."""
    reached = made.folder / "site" / "reached"
    with made.tic.running("stack", "up", "site/dev") as run:
        while not reached.exists():
            assert run.poll() is None, run.stderr and run.stderr.read()
            time.sleep(0.02)
        yield run


def go_on(made: World) -> None:
    (made.folder / "site" / "go-on").touch()


def rotate(made: World, key: TsigKey, *words: str, code: int = 0) -> str:
    secret = json.dumps({"tsig-secret": key.secret})
    name = ("--field", f"tsig-key={key.name}")
    return made.tic(
        "creds", "rotate", "dns", *name, "--secrets-from", "-", *words, stdin=secret, code=code
    ).err


def sealed(made: World) -> tuple[list[int], list[int]]:
    """The versions that are sealed, and those that are leased, as the database has them."""
    with closing(sqlite3.connect(made.tic.home / "tic.db")) as database:
        kept = database.execute("SELECT DISTINCT version FROM credential_field ORDER BY 1").fetchall()
        leased = database.execute("SELECT version FROM credential_lease ORDER BY 1").fetchall()
    return [version for (version,) in kept], [version for (version,) in leased]


def test_an_up_survives_that_its_credential_is_rotated_and_the_former_key_revoked(
    site: World, successor: TsigKey
) -> None:
    with up_in_the_middle(site) as run:
        assert list(site.bind.every_txt()) == ["_acme-challenge.one.example.test"]
        said = rotate(site, successor)
        assert f"rfc2136 accepts them: tic-next in account {site.bind.address}" in said
        assert "version 1 stays sealed for the runs that work with it" in said
        assert sealed(site) == ([1, 2], [1])
        site.bind.accept(successor)
        go_on(site)
        out, err = run.communicate(timeout=120)
    assert run.returncode == 0, err
    assert site.outputs("site/dev")["serial"]
    assert site.bind.every_txt() == {}
    assert site.tic("dns", "records", "--json").json() == []
    assert sealed(site) == ([2], [])
    written = [text for _, text in places(site.tic.home, site.folder)]
    for secret in (site.key.secret, successor.secret):
        for form in forms(secret.encode()):
            assert not any(form in text for text in [*written, out.encode(), err.encode()])


def test_who_works_with_a_former_version_is_told(site: World, successor: TsigKey) -> None:
    with up_in_the_middle(site) as run:
        rotate(site, successor)
        one, two = site.tic("creds", "show", "dns", "--json").json()["versions"]
        assert (two["version"], two["used_by"]) == (2, [])
        (use,) = one["used_by"]
        assert (one["version"], use["pid"], use["alive"]) == (1, run.pid, True)
        assert f"up site/dev works with it since {use['since']} (process {run.pid} on" in (
            site.tic("creds", "show", "dns").out
        )
        go_on(site)
        run.communicate(timeout=120)
    assert run.returncode == 0
    (now,) = site.tic("creds", "show", "dns", "--json").json()["versions"]
    assert (now["version"], now["used_by"]) == (2, [])


@pytest.mark.parametrize("after", ["run", "rotation"])
def test_what_a_killed_run_kept_is_swept_by_the_next_run_or_rotation(
    site: World, successor: TsigKey, after: str
) -> None:
    with up_in_the_middle(site) as run:
        rotate(site, successor)
        below = psutil.Process(run.pid).children(recursive=True)
        run.kill()
    psutil.wait_procs(below, timeout=20)
    assert sealed(site) == ([1, 2], [1])
    shown = site.tic("creds", "show", "dns").out
    assert "gone: the next run or rotation forgets it" in shown
    present = successor
    if after == "rotation":
        present = TsigKey(name="tic-third")
        site.bind.accept(present)
        rotate(site, present)
        assert sealed(site) == ([3], [])
    site.bind.accept(present)
    go_on(site)
    site.tic("stack", "up", "site/dev")
    assert sealed(site) == ([3] if after == "rotation" else [2], [])
    assert site.bind.every_txt() == {}


def test_values_that_the_server_rejects_are_not_taken(site: World) -> None:
    """Unless one says that nobody is to be asked."""
    unknown = TsigKey(name="unknown")
    before = site.tic("creds", "show", "dns", "--json").out
    said = rotate(site, unknown, code=1)
    assert "error: the new values of 'dns' were not taken, nothing was changed: rfc2136 rejects" in said
    assert "tic creds rotate dns --no-verify" in said
    assert unknown.secret not in said
    assert site.tic("creds", "show", "dns", "--json").out == before
    assert "they were not verified: --no-verify" in rotate(site, unknown, "--no-verify")

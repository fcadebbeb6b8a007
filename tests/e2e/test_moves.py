"""Stacks move in and out: Pulumi's file backend under a passphrase, tic, and the stock CLI between them."""

import contextlib
import json
import sqlite3
import zlib
from pathlib import Path

import pytest

from engine.state import untyped
from tests.e2e.moving import CANARY, PASSPHRASE, Movers, Pulumi, movers

pytestmark = pytest.mark.server

RUN = ("--env", "TRIVIAL_WORLD")


@pytest.fixture
def both(tmp_path: Path, pulumi_command: Path) -> Movers:
    return movers(tmp_path, pulumi_command)


def kept(home: Path, *, raw: bool = True) -> bytes:
    """What lies in the home: the database's values unpacked, and every file; `raw`: the database's, too,
    whose free pages and log hold for a while what was in it before.
    """
    files = [path for path in home.rglob("*") if path.is_file()]
    found = [path.read_bytes() for path in files if raw or not path.name.startswith("tic.db")]
    with contextlib.closing(sqlite3.connect(home / "tic.db")) as database:
        tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            for row in database.execute(f'SELECT * FROM "{table}"'):  # noqa: S608
                for value in row:
                    if isinstance(value, bytes):
                        with contextlib.suppress(zlib.error):
                            value = zlib.decompress(value, wbits=zlib.MAX_WBITS | 32)
                    found.append(value if isinstance(value, bytes) else str(value).encode())
    return b"\n".join(found)


def sealed_under_the_passphrase(pulumi: Pulumi, both: Movers) -> list[str]:
    """Everything that the passphrase opens, of the state and of the configuration."""
    read = untyped.read(pulumi("stack", "export").stdout.encode())
    salt = read.deployment["secrets_providers"]["state"]["salt"]
    return [*read.ciphertexts(), salt, *both.stack_file.read_text().split()[-1:]]


def changes(both: Movers) -> dict[str, int]:
    """What an update with tic changed, by operation."""
    both.tic("stack", "up", "dev", *RUN)
    (last, *_) = both.tic("stack", "history", "dev", "--json").json()
    found: dict[str, int] = last["changes"]
    return found


def test_a_stack_moves_in_from_a_file_backend_and_the_next_up_changes_nothing(both: Movers) -> None:  # C2
    things, before = both.things(), sealed_under_the_passphrase(both.pulumi, both)
    exported = both.pulumi("stack", "export").stdout
    both.tic.variables["PULUMI_CONFIG_PASSPHRASE"] = PASSPHRASE
    said = both.tic("stack", "import-state", "dev", "-", "--config", "Pulumi.dev.yaml", stdin=exported)
    del both.tic.variables["PULUMI_CONFIG_PASSPHRASE"]
    assert "shop/dev is made: 4 resources, version 1" in said.err
    assert changes(both) == {"same": 3}
    assert both.things() == things
    outputs = both.tic("stack", "outputs", "dev", "--json", "--show-secrets").json()
    assert outputs == {"password": CANARY, "value": "one"}
    everything = kept(both.tic.home) + both.stack_file.read_bytes() + (said.out + said.err).encode()
    for secret in (CANARY, PASSPHRASE, *before):
        assert secret.encode() not in everything
    assert [each["kind"] for each in both.tic("stack", "history", "dev", "--json").json()] == ["up", "import"]


def test_a_stack_moves_out_under_a_passphrase_and_goes_on_in_a_file_backend(both: Movers) -> None:  # C2
    both.tic.variables["PULUMI_CONFIG_PASSPHRASE"] = PASSPHRASE
    exported = both.pulumi("stack", "export").stdout
    configuration = both.stack_file.read_text()
    both.tic("stack", "import-state", "dev", "-", "--config", "Pulumi.dev.yaml", stdin=exported)
    out = both.tic("stack", "export-state", "dev", "--passphrase").out
    assert CANARY not in out
    both.stack_file.write_text(configuration)
    elsewhere = both.other("elsewhere")
    elsewhere("stack", "init", "dev")
    elsewhere("stack", "import", stdin=out)
    assert "3 unchanged" in elsewhere.run("up")
    assert CANARY not in "".join(
        path.read_text() for path in both.store.with_name("elsewhere").rglob("*.json")
    )


def test_the_stock_cli_takes_a_stack_in_and_out_through_the_service(both: Movers) -> None:  # C2
    before = sealed_under_the_passphrase(both.pulumi, both)
    exported = both.pulumi("stack", "export").stdout
    with both.served() as served:
        served("stack", "init", "dev")
        # The CLI seals what it imports by the provider that the state names, so it is still the passphrase.
        assert "change-secrets-provider default" in served("stack", "import", stdin=exported).stderr
        assert "3 unchanged" in served.run("up")
        refused = both.tic("stack", "up", "dev", *RUN, code=3).err
        assert "sealed by passphrase" in refused
        assert "tic stack export-state shop/dev | tic stack import-state shop/dev - --force" in refused
        served("stack", "change-secrets-provider", "default")
        assert "3 unchanged" in served.run("up")
        everything = kept(both.tic.home, raw=False) + both.stack_file.read_bytes()
        for secret in (CANARY, PASSPHRASE, *before):
            assert secret.encode() not in everything
        assert CANARY.encode() not in kept(both.tic.home)
        assert served.exported("--version", "1")["secrets_providers"]["type"] == "service"
        shown = served("stack", "export", "--show-secrets").stdout
        elsewhere = both.other("elsewhere")
        both.stack_file.write_text("config: {}\n")
        elsewhere("stack", "init", "dev")
        elsewhere("stack", "import", stdin=shown)
    elsewhere("config", "set", "--secret", "password", CANARY)
    assert elsewhere.exported()["secrets_providers"]["type"] == "passphrase"
    assert "3 unchanged" in elsewhere.run("up")


def test_a_run_that_would_leave_half_of_a_state_under_another_seal_does_not(both: Movers) -> None:  # C2
    exported = both.pulumi("stack", "export").stdout
    with both.served() as served:
        served("stack", "init", "dev")
        served("stack", "import", stdin=exported)
        both.stack_file.write_text("config: {}\n")
        both.tic("stack", "config", "set", "password", "--secret", "--stack", "dev", stdin=CANARY)
        # The configuration names no other provider now: what the run touches, and the rest, is the vault's.
        served("refresh", "--yes", "--skip-preview", "--target", "**::first")
        assert served.exported()["secrets_providers"]["type"] == "service"
        assert "3 unchanged" in served.run("up")
        salt = json.loads(exported)["deployment"]["secrets_providers"]["state"]["salt"]
        both.stack_file.write_text(f"encryptionsalt: {salt}\n")
        refused = served("refresh", "--yes", "--skip-preview", code=3)
        assert "change-secrets-provider passphrase" in refused.stdout + refused.stderr
        both.stack_file.write_text("config: {}\n")
        served("refresh", "--yes", "--skip-preview")
        assert CANARY in served("stack", "output", "--show-secrets").stdout

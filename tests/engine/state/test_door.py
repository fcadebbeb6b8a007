"""No secret of a run's comes into the database, whatever call brings it."""

import base64
import zlib
from pathlib import Path

import orjson
import pytest
from sqlalchemy import text

from engine.database import Database
from engine.state.residue import Residue
from engine.state.service import Access, StateService
from engine.state.sieve import Sieve
from tests.engine.state.client import STACK, Client, created
from tests.engine.state.driver import Cli
from tests.engine.state.journals import resource
from tests.engine.state.program import things

CANARY = "canary-0123456789abcdef"


@pytest.fixture
def caught() -> list[Residue]:
    return []


@pytest.fixture
def leaky(client: Client, url: str, service: StateService, caught: list[Residue]) -> Client:
    return Client(url, service.admit(Access("run", sieve=Sieve([CANARY.encode()]), on_caught=caught.append)))


def stored(database: Database) -> bytes:
    """Everything that lies in the database, decompressed."""
    found = []
    with database.read() as connection:
        for table in connection.execute(
            text("SELECT name FROM sqlite_master WHERE type = 'table'")
        ).scalars():
            for row in connection.execute(text(f"SELECT * FROM {table}")).mappings():  # noqa: S608
                found += [
                    zlib.decompress(value, 47) if name == "body" else str(value).encode()
                    for name, value in row.items()
                ]
    return b"\n".join(found)


@pytest.mark.server
def test_a_provider_that_copies_its_environment_leaves_no_secret_behind(
    tmp_path: Path, pulumi_command: Path, url: str, service: StateService, database: Database
) -> None:  # C2
    caught: list[Residue] = []
    token = service.admit(Access("run", sieve=Sieve([CANARY.encode()]), on_caught=caught.append))
    cli = Cli(tmp_path / "user", pulumi_command, url, token)
    cli.environment["TRIVIAL_SECRET"] = CANARY
    cli("stack", "init", "dev")
    program = things("a", copy=["TRIVIAL_SECRET"], value=CANARY)
    cli.run("up", program)
    assert {(residue.path, residue.sealed) for residue in caught} >= {
        ("outputs.copied.TRIVIAL_SECRET", True),
        ("inputs.value", True),
        ("outputs.value", True),
    }
    cli.run("up", program)
    assert list(cli.history()[0]["resourceChanges"]) == ["same"]
    failing = things("a", "b", copy=["TRIVIAL_SECRET"], value=CANARY, fail="create")
    cli.run("up", failing, check=False)
    assert any("diagnosticEvent" in residue.path for residue in caught)
    assert CANARY.encode() not in stored(database)
    assert CANARY not in orjson.dumps([cli.exported(), cli.history()]).decode()
    cli.run("destroy", things())
    assert cli.made == []


@pytest.mark.parametrize("form", [CANARY, base64.b64encode(f"me:{CANARY}".encode()).decode()])
@pytest.mark.parametrize("zipped", [True, False])
def test_nothing_that_is_sent_brings_a_secret_into_the_database(
    leaky: Client, database: Database, caught: list[Residue], form: str, zipped: bool
) -> None:  # C2
    metadata = {"message": f"with {form}", "environment": {"git.url": form}}
    config = {"proj:key": {"string": form, "secret": False}}
    update = leaky("POST", f"{STACK}/update", {"metadata": metadata, "config": config}).value["updateID"]
    path = f"{STACK}/update/{update}"
    lease = leaky("POST", path, {"tags": {"t": form}, "journalVersion": 1}).value["token"]
    events = {"events": [{"sequence": 0, "diagnosticEvent": {"message": f"no {form}"}}]}
    entries = [created(1, "a", inputs={"key": form}, outputs={"key": [form]})]
    assert leaky("POST", f"{path}/events/batch", events, lease=lease, zipped=zipped).code == 200
    assert (
        leaky("PATCH", f"{path}/journalentries", {"entries": entries}, lease=lease, zipped=zipped).code == 200
    )
    assert form.encode() not in stored(database)
    deployment = {"resources": [resource("a", outputs={"key": form})]}
    checkpoint = {"version": 3, "deployment": deployment}
    assert leaky("PATCH", f"{path}/checkpoint", checkpoint, lease=lease, zipped=zipped).code == 200
    assert leaky("POST", f"{path}/complete", {"status": "succeeded"}, lease=lease).code == 200
    assert leaky("POST", f"{STACK}/import", checkpoint, zipped=zipped).code == 200
    assert form.encode() not in stored(database)
    assert {"inputs.key", "outputs.key[0]", "outputs.key", "metadata.message", "tags.t"} <= {
        residue.path for residue in caught
    }
    assert len(caught) == len(set(caught))


def test_a_secret_in_plaintext_is_sealed_whoever_sends_it(client: Client, database: Database) -> None:
    secret = {
        "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270",
        "plaintext": '"shown"',
    }
    state = {"version": 3, "deployment": {"resources": [resource("a", outputs={"x": secret})]}}
    assert client("POST", f"{STACK}/import", state).code == 200
    assert b"shown" not in stored(database)
    ciphertext = client.export()["resources"][0]["outputs"]["x"]["ciphertext"]
    opened = client("POST", f"{STACK}/decrypt", {"ciphertext": ciphertext}).value["plaintext"]
    assert base64.b64decode(opened) == b'"shown"'

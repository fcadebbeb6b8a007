"""`tic sandbox`, as a person or a script reads it."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.main import app
from engine.home import Home
from engine.sandbox import lifecycle
from tests.servers import programs


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    monkeypatch.setenv("TIC_HOME", str(tmp_path / "home"))
    home = Home.find()
    yield home
    lifecycle.down(home)


def test_before_the_first_up_it_is_down_and_says_how_to_start_it(home: Home) -> None:
    answer = CliRunner().invoke(app, ["sandbox", "status"])
    assert (answer.exit_code, answer.stdout, answer.stderr) == (
        0,
        "the sandbox is down\n",
        "start it: tic sandbox up\n",
    )
    assert json.loads(CliRunner().invoke(app, ["sandbox", "status", "--json"]).stdout)["up"] is False
    assert CliRunner().invoke(app, ["sandbox", "down"]).stdout == "the sandbox was not up\n"
    assert not home.root.exists()


@pytest.mark.server
def test_up_shows_where_it_answers_and_what_to_type_next(home: Home) -> None:
    programs.pebble()
    assert CliRunner().invoke(app, ["vault", "init"]).exit_code == 0
    answer = CliRunner().invoke(app, ["sandbox", "up"])
    assert answer.exit_code == 0
    known = json.loads((home.sandbox / "sandbox.json").read_text())
    assert answer.stdout == (
        "the sandbox is up\n"
        f"  CA directory  {known['directory']}\n"
        f"  CA file       {home.sandbox / 'ca.pem'}\n"
        f"  DNS server    {known['nameserver']}\n"
        f"  issuing root  {home.sandbox / 'issuing-root.pem'} (a new one at each start)\n"
        "  credential    sandbox (kind exec)\n"
    )
    assert answer.stderr.startswith("next: tic stack new site --template certificate ")
    assert CliRunner().invoke(app, ["sandbox", "down"]).stdout == "ended: challtestsrv, pebble\n"


@pytest.mark.server
def test_up_without_a_vault_says_how_to_get_its_credential(home: Home) -> None:
    programs.pebble()
    answer = CliRunner().invoke(app, ["sandbox", "up", "--json"])
    assert json.loads(answer.stdout)["credential"] is None
    shown = CliRunner().invoke(app, ["sandbox", "status"])
    assert shown.stdout.endswith("  credential    none: there is no vault yet\n")
    assert shown.stderr == "next: tic vault init && tic sandbox up\n"

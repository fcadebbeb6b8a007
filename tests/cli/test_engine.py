"""`tic engine` and `tic doctor`, as a person or a script reads them."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.main import app
from engine.home import Home
from engine.toolchain.pins import pins
from tests.engine.toolchain.test_pulumi import put


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """No Pulumi and no Go on PATH, an empty home and an empty cache."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.delenv("TIC_PULUMI_VERSION", raising=False)
    monkeypatch.setenv("TIC_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TIC_CACHE", str(tmp_path / "cache"))
    return Home.find()


def test_status_as_json_says_path_version_source_and_what_would_be_tried(home: Home) -> None:
    answer = json.loads(CliRunner().invoke(app, ["engine", "status", "--json"]).stdout)
    assert (answer["path"], answer["version"], answer["source"]) == (None, None, None)
    assert answer["pinned"] == str(pins()["pulumi"].version)
    assert [way["way"] for way in answer["ways"]] == ["path", "cache", "installer", "build"]
    path = put(home, answer["pinned"])
    answer = json.loads(CliRunner().invoke(app, ["engine", "status", "--json"]).stdout)
    assert (answer["path"], answer["version"], answer["source"]) == (str(path), answer["pinned"], "build")


def test_status_without_an_engine_says_the_next_command(home: Home) -> None:
    answer = CliRunner().invoke(app, ["engine", "status"])
    assert answer.exit_code == 0
    assert answer.stdout.startswith(
        f"no Pulumi engine yet; the pinned version is {pins()['pulumi'].version}\n"
    )
    assert answer.stderr == "get it: tic engine install\n"
    assert not home.cache.exists()


def test_install_with_an_engine_there_does_nothing_but_say_so(home: Home) -> None:
    path = put(home, "3.259.0", source="installer")
    answer = CliRunner().invoke(app, ["engine", "install"])
    assert answer.stdout == f"Pulumi 3.259.0 (installer): {path}\n"
    assert answer.stderr == ""


def test_install_for_yaml_says_where_the_host_is(home: Home) -> None:
    put(home, "3.259.0", source="installer")
    shelf = home.cache / "tools" / "pulumi-yaml" / str(pins()["pulumi-yaml"].version)
    (shelf / "bin").mkdir(parents=True)
    (shelf / "bin" / "pulumi-language-yaml").touch(mode=0o755)
    (shelf / "receipt.json").write_text('{"source": "build"}')
    answer = CliRunner().invoke(app, ["engine", "install", "--yaml"])
    assert answer.stdout.splitlines()[1] == f"programs in YAML: {shelf}/bin/pulumi-language-yaml"
    told = json.loads(CliRunner().invoke(app, ["engine", "install", "--yaml", "--json"]).stdout)
    assert told["yaml"] == str(shelf / "bin" / "pulumi-language-yaml")


def test_doctor_names_each_missing_thing_with_the_command_that_mends_it(home: Home) -> None:
    answer = CliRunner().invoke(app, ["doctor", "--json"])
    assert answer.exit_code == 6
    checks = {check["name"]: check for check in json.loads(answer.stdout)["checks"]}
    missing = {name: check["remedy"] for name, check in checks.items() if check["needed"] and not check["ok"]}
    assert missing == {
        "home": "tic vault init",
        "database": "tic vault init",
        "engine": "tic engine install",
    }
    assert checks["sandbox"]["remedy"] == "tic sandbox up"
    assert all(check["remedy"] for check in checks.values() if not check["ok"])


def test_doctor_is_content_when_all_that_is_needed_is_there(home: Home) -> None:
    put(home, "3.259.0")
    assert CliRunner().invoke(app, ["vault", "init"]).exit_code == 0
    answer = CliRunner().invoke(app, ["doctor"])
    assert answer.exit_code == 0
    assert answer.stderr == "all that tic needs is here\n"


def test_doctor_sees_a_home_and_a_database_that_others_can_read(home: Home) -> None:
    assert CliRunner().invoke(app, ["vault", "init"]).exit_code == 0
    home.root.chmod(0o755)
    home.database.chmod(0o644)
    answer = json.loads(CliRunner().invoke(app, ["doctor", "--json"]).stdout)
    remedies = {check["name"]: check["remedy"] for check in answer["checks"]}
    assert remedies["home"] == f"chmod 700 {home.root}"
    assert remedies["database"] == f"chmod 600 {home.database}"


def test_doctor_sees_a_vault_whose_key_is_gone(home: Home) -> None:
    assert CliRunner().invoke(app, ["vault", "init"]).exit_code == 0
    home.key_file.rename(home.root / "elsewhere")
    answer = json.loads(CliRunner().invoke(app, ["doctor", "--json"]).stdout)
    vault = next(check for check in answer["checks"] if check["name"] == "vault")
    assert not vault["ok"]
    assert vault["remedy"]

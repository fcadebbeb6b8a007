"""Secret configuration: sealed in the file, open to the program, shown only when asked for."""

import os
import pty
import subprocess
from pathlib import Path

import pytest

from tests.e2e.command import Tic

CANARY = "canary-of-the-config"
PROGRAM = """import pulumi
config = pulumi.Config()
pulumi.export("pw", config.require_secret("pw"))
pulumi.export("plain", config.require("plain"))
"""


@pytest.fixture
def tic(tmp_path: Path) -> Tic:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "Pulumi.yaml").write_text("name: shop\nruntime: python\n")
    (folder / "__main__.py").write_text(PROGRAM)
    made = Tic(tmp_path / "home", folder)
    made("vault", "init")
    made("stack", "new", "dev")
    return made


def test_a_secret_comes_from_stdin_and_never_from_an_argument(tic: Tic) -> None:
    refused = tic("stack", "config", "set", "pw", CANARY, "--secret", code=2)
    assert CANARY not in refused.err
    assert not (tic.folder / "Pulumi.dev.yaml").exists()
    assert "no value" in tic("stack", "config", "set", "pw", "--secret", code=2).err
    assert CANARY not in tic("stack", "config", "set", "pw", "--secret", stdin=f"{CANARY}\n").err
    tic("stack", "config", "set", "names", '["a","b"]', "--stack", "shop/dev")
    shut = tic("stack", "config", "list", "--json").json()
    assert shut == {
        "shop:names": {"value": ["a", "b"], "secret": False},
        "shop:pw": {"value": "[secret]", "secret": True},
    }
    assert CANARY not in tic("stack", "config", "list").out
    assert CANARY in tic("stack", "config", "list", "--show-secrets").out
    tic("stack", "config", "remove", "pw")
    assert list(tic("stack", "config", "list", "--json").json()) == ["shop:names"]


def test_at_a_terminal_a_secret_is_asked_for_without_echo(tic: Tic) -> None:
    leader, terminal = pty.openpty()
    with subprocess.Popen(
        tic.argv("stack", "config", "set", "pw", "--secret"),
        stdin=terminal, stdout=terminal, stderr=terminal,
        cwd=tic.folder, env=tic.environment(), start_new_session=True,
    ) as process:  # fmt: skip
        os.close(terminal)
        said = b""
        while b"shop:pw: " not in said:
            said += os.read(leader, 1024)
        os.write(leader, f"{CANARY}\n".encode())
        while b"next:" not in said:
            said += os.read(leader, 1024)
        assert process.wait(timeout=20) == 0
    os.close(leader)
    assert CANARY.encode() not in said
    assert tic("stack", "config", "list", "--json", "--show-secrets").json()["shop:pw"]["value"] == CANARY


@pytest.mark.server
def test_the_program_gets_the_secret_and_no_file_holds_it(tic: Tic, pulumi_command: Path) -> None:
    tic.variables["PATH"] = f"{pulumi_command.parent}{os.pathsep}{os.environ['PATH']}"
    tic("stack", "config", "set", "pw", "--secret", stdin=CANARY)
    tic("stack", "config", "set", "plain", "0123")
    up = tic("stack", "up")
    assert CANARY not in up.out + up.err
    assert tic("stack", "outputs", "--json").json() == {"pw": "[secret]", "plain": "0123"}
    shown = tic("stack", "outputs", "--json", "--show-secrets").json()
    assert shown == {"pw": CANARY, "plain": "0123"}
    files = [path for folder in (tic.home, tic.folder) for path in folder.rglob("*") if path.is_file()]
    assert [path for path in files if CANARY.encode() in path.read_bytes()] == []


@pytest.mark.server
def test_a_secret_of_another_provider_is_found_before_pulumi_starts(tic: Tic, pulumi_command: Path) -> None:
    tic.variables["PATH"] = f"{pulumi_command.parent}{os.pathsep}{os.environ['PATH']}"
    (tic.folder / "Pulumi.dev.yaml").write_text("config:\n  shop:pw:\n    secure: v1:abc:def\n")
    refused = tic("stack", "up", code=2)
    assert "Pulumi.dev.yaml" in refused.err
    assert "next: set it anew: tic stack config set shop:pw --secret" in refused.err
    assert tic("stack", "history", "--json").json() == []

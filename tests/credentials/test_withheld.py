"""What opens a vault is not passed on: not by inheritance, and not by name."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from credentials.withheld import VARIABLES, variable, withdraw
from engine import environment
from engine.environment import VariableRefused

ROOT = Path(__file__).parents[2]


def test_what_was_withdrawn_is_gone_from_the_environment_and_still_known_here() -> None:
    program = (
        "import os, subprocess, sys\n"
        "from credentials.withheld import variable, withdraw\n"
        "withdraw()\n"
        "show = 'import os, sys; print([name for name in sys.argv[1:] if name in os.environ])'\n"
        "subprocess.run([sys.executable, '-c', show, *sys.argv[1:]], check=True)\n"
        "print(variable('TIC_KEY'))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *VARIABLES, "PATH"],
        cwd=ROOT,
        env={**os.environ, **{name: f"canary-{name}" for name in VARIABLES}},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines() == ["['PATH']", "canary-TIC_KEY"]


def test_tic_withdraws_them_before_any_command() -> None:
    program = "import os, sys; from cli.main import main\ntry: main()\nfinally: print(*os.environ)"
    done = subprocess.run(
        [sys.executable, "-c", program, "--version"],
        cwd=ROOT,
        env={**os.environ, "TIC_KEY": "canary", "TIC_PASSPHRASE_FILE": "/nowhere"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert {"TIC_KEY", "TIC_PASSPHRASE_FILE"} & set(done.stdout.split()) == set()


def test_other_environments_are_left_alone() -> None:
    environ = {"TIC_KEY": "one", "PATH": "/bin"}
    withdraw({})
    assert variable("TIC_KEY", environ) == "one"
    assert variable("TIC_KEY", {"TIC_KEY": ""}) is None


@pytest.mark.parametrize("name", VARIABLES)
def test_a_run_gets_none_of_them_and_nobody_can_ask_for_one(name: str) -> None:
    assert environment.base({name: "canary", "PATH": "/bin"}) == {"PATH": "/bin"}
    with pytest.raises(VariableRefused) as refused:
        environment.base({name: "canary"}, [name])
    assert "canary" not in str(refused.value)

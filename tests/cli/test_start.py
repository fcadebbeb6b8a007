"""The first moments of a command, and its last."""

import os
import subprocess
import sys
from pathlib import Path

STOPPED = """
import builtins
real = builtins.__import__
def stopped(name, *rest, **named):
    if name == "typer":
        raise KeyboardInterrupt
    return real(name, *rest, **named)
builtins.__import__ = stopped
from cli.start import main
main()
"""


def test_ctrl_c_while_the_program_is_being_loaded_ends_it_quietly() -> None:
    done = subprocess.run([sys.executable, "-c", STOPPED], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


def test_it_runs_the_command() -> None:
    program = "import sys; sys.argv = ['tic', '--version']; from cli.start import main; main()"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert done.stdout.startswith("tic ")


def test_what_it_wrote_is_in_the_databases_file_when_it_ends(tmp_path: Path) -> None:
    """A copy of that one file is a copy of all."""
    program = "import sys; from cli.start import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", program, "vault", "init"],
        capture_output=True,
        text=True,
        env={**os.environ, "TIC_HOME": str(tmp_path / "home")},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert {path.name for path in (tmp_path / "home").glob("tic.db*")} == {"tic.db"}

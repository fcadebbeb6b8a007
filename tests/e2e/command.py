"""`tic` as a person runs it: a process of its own, with a home and a working folder of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PROGRAM = Path(sys.executable).with_name("tic")
RUN_SECONDS = 240


@dataclass(frozen=True, slots=True)
class Result:
    """What one command printed, and its exit code."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        """Stdout as one JSON value."""
        return json.loads(self.out)


@dataclass(frozen=True, slots=True)
class Tic:
    """A home, a folder to stand in, and the variables that a person would have set."""

    home: Path
    folder: Path
    variables: dict[str, str] = field(default_factory=dict)

    def environment(self) -> dict[str, str]:
        """The environment of each command."""
        return {**os.environ, "TIC_HOME": str(self.home), "COLUMNS": "120", **self.variables}

    def argv(self, *words: str) -> list[str]:
        """The command line."""
        return [str(PROGRAM), *words]

    def __call__(self, *words: str, stdin: str = "", code: int | None = 0) -> Result:
        """Run `tic WORDS`; fails the test unless it ends with `code` (None: any)."""
        done = subprocess.run(
            self.argv(*words),
            input=stdin,
            cwd=self.folder,
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=RUN_SECONDS,
            check=False,
        )
        result = Result(done.returncode, done.stdout, done.stderr)
        assert "Traceback" not in done.stderr, done.stderr
        assert code is None or result.code == code, (
            f"tic {' '.join(words)} -> {result.code}\n{result.out}\n{result.err}"
        )
        return result

    @contextmanager
    def running(self, *words: str) -> Iterator["subprocess.Popen[str]"]:
        """Run `tic WORDS` while the block runs; what has not ended then is killed."""
        with subprocess.Popen(
            self.argv(*words),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=self.folder,
            env=self.environment(),
            text=True,
        ) as process:
            try:
                yield process
            finally:
                process.kill()

    def wait_for(self, process: "subprocess.Popen[str]", said: str) -> None:
        """Read what the command says until it says this; fails the test where it ends without."""
        assert process.stderr is not None
        heard = []
        for line in process.stderr:
            heard.append(line)
            if said in line:
                return
        raise AssertionError(f"never said {said!r}:\n{''.join(heard)}")


def setting(name: str, value: str | Sequence[str]) -> list[str]:
    """`--set name=value`, lists as JSON."""
    return ["--set", f"{name}={value if isinstance(value, str) else json.dumps(list(value))}"]

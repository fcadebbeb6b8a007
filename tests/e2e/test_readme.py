"""The five minutes of the README, and the example in YAML, as a person types them."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from engine.home import Home
from engine.toolchain import yaml_host
from engine.toolchain.progress import Printer
from tests.engine.state.waiting import wait_for
from tests.servers.process import free_port

pytestmark = pytest.mark.server

ROOT = Path(__file__).parents[2]
NOWHERE = "http://127.0.0.1:9"  # discard(9): no test asks a cloud
LOCAL = "localhost,127.0.0.1"


@pytest.fixture
def tour(tmp_path: Path, pulumi_command: Path) -> Iterator[dict[str, str]]:
    """The environment of somebody who has run `make demo`; the sandbox that the tour starts is ended."""
    scripts = Path(sys.executable).parent
    search_path = os.pathsep.join([str(scripts), str(pulumi_command.parent), os.environ["PATH"]])
    environment = {**os.environ, "PATH": search_path, "TMPDIR": str(tmp_path)}
    environment |= dict.fromkeys(("HTTPS_PROXY", "https_proxy"), NOWHERE)
    environment |= dict.fromkeys(("NO_PROXY", "no_proxy"), LOCAL)
    yield environment
    for home in tmp_path.glob("*/home"):
        own = environment | {"TIC_HOME": str(home)}
        subprocess.run([scripts / "tic", "sandbox", "down"], env=own, capture_output=True, check=False)


def test_every_line_does_what_stands_beside_it(tour: dict[str, str]) -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    found = re.search(r"^## Five minutes$.*?^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    assert found is not None
    script = re.sub(
        r"^(tic .+?) +# (?:refused|fails): .*$",
        r"if \1; then echo 'this was not refused: \1'; exit 99; fi",
        found[1],
        flags=re.MULTILINE,
    )
    assert script.count("exit 99") == 3
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=ROOT,
        env=tour,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    said = f"{done.stdout}\n{done.stderr}"
    assert done.returncode == 0, said
    assert "Traceback" not in said
    lines = done.stdout.splitlines()
    assert [line for line in lines if line.startswith("made-up")] == ["made-up-one", "made-up-two"]
    assert {"cert.pem", "chain.pem", "fullchain.pem", "privkey.pem"} <= set(lines)
    assert "the vault is whole" in done.stderr


@contextmanager
def typed(words: Sequence[str], folder: Path, log: Path, **options: Any) -> Iterator[subprocess.Popen[bytes]]:
    """A command that goes on beside others; ended at the end, where it has not by itself."""
    with log.open("ab") as said:
        child = subprocess.Popen(words, cwd=folder, stdout=said, stderr=subprocess.STDOUT, **options)
        with child:
            try:
                yield child
            finally:
                child.kill()


def test_every_line_of_the_example_in_yaml_does_what_it_says(tour: dict[str, str], tmp_path: Path) -> None:
    """Its server, too, on a port that is free; the one in Python is in `languages/test_examples.py`."""
    folder, log = tmp_path / "there" / "examples", tmp_path / "said"
    shutil.copytree(ROOT / "examples", folder)
    text = (folder / "README.md").read_text(encoding="utf-8").partition("\n## [python]")[0]
    text = text.replace("8443", str(free_port()))
    script = "".join(re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL))
    server = re.search(r"`(openssl s_server .*?)`", text)
    assert server is not None
    project = folder / "yaml"
    files = [project / "certs" / name for name in ("chain.pem", "cert.pem", "privkey.pem")]
    host = yaml_host.ensure(Home.find(), Printer(sys.stderr))  # the network is for this alone
    own = tour | {"TIC_HOME": str(folder.with_name("home"))}
    own["PATH"] = os.pathsep.join([str(host.parent), own["PATH"]])
    command = ["bash", "-euo", "pipefail", "-c", script]
    with typed(command, folder, log, env=own, stdin=subprocess.DEVNULL) as run:
        wait_for(lambda: run.poll() is not None or all(each.exists() for each in files), 120)
        assert run.poll() is None, log.read_text()
        with typed(shlex.split(server[1]), project, tmp_path / "server", stdin=subprocess.PIPE):
            run.wait(120)
    said = log.read_text()
    assert run.returncode == 0, said
    assert "Endpoint served created" in said

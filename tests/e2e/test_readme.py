"""The five minutes of the README, as a person types them."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

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

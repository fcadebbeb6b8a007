"""A kill -9 at any moment of a rekey leaves a vault that opens, and that the next command tidies."""

import json
import os
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from credentials.keys import as_text, new_key
from tests.engine.vaults import full

SAMPLE, SOAK = 5, 300


def killed(tmp_path: Path, times: int) -> Counter[str]:
    """How often what happened."""
    kept, seed = full(tmp_path / "home"), str(random.getrandbits(32))
    words = {
        "TIC_KEY": as_text(new_key()).reveal().decode(),
        "TIC_NEW_KEY": as_text(new_key()).reveal().decode(),
        "TIC_PASSPHRASE": "correct horse battery staple",
        "TIC_NEW_PASSPHRASE": "staple battery horse correct",
    }
    sealed = json.dumps({context: value.hex() for context, value in kept.sealed.items()})
    module = "tests.credentials.rekeying_process"
    done = subprocess.run(
        [sys.executable, "-m", module, str(kept.home.root), str(times), seed, sealed],
        cwd=Path(__file__).parents[2],
        env={**os.environ, **words},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    counts = Counter[str](json.loads(done.stdout))
    sys.stderr.write(f"kills of a rekey with seed {seed}, all harmless: {dict(counts)}\n")
    return counts


def test_a_few_kills_lose_nothing(tmp_path: Path) -> None:
    assert killed(tmp_path, SAMPLE).total() >= SAMPLE


@pytest.mark.soak
def test_hundreds_of_kills_lose_nothing(tmp_path: Path) -> None:
    counts = killed(tmp_path, SOAK)
    assert counts["killed"] > SOAK // 4
    assert counts["killed after the commit"] > 0
    assert counts["left a second key"] > 0

"""Programs that drive Pulumi themselves, by its Automation API, need nothing else than the CLI does."""

import json
import os
import subprocess
import sys

import pytest

from tests.e2e.stock.conftest import REPOSITORY, Served

pytestmark = pytest.mark.server
SECRET = "of the inline program"


def test_an_inline_program_lives_its_life_with_components_and_secrets(served: Served) -> None:  # C1
    stock = served.project("auto")
    done = subprocess.run(
        [sys.executable, "-m", "tests.e2e.stock.automation", stock.project],
        cwd=REPOSITORY,
        env={**os.environ, **stock.variables},
        input=SECRET,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert seen["previewed"] == {"create": 4}
    assert seen["outputs"]["password"] == [SECRET, True]
    assert seen["outputs"]["first"][0].startswith("group-first-")
    assert {name: seen["parents"][name] for name in ("group-first", "group-second")} == {
        "group-first": "group",
        "group-second": "group-first",
    }
    assert seen["tags"]["made"] == "by automation"
    assert (seen["refreshed"], seen["destroyed"]) == ("succeeded", "succeeded")
    kinds = [kind for kind, _ in seen["history"]]
    assert kinds == ["destroy", "refresh", "import", "update"]
    assert seen["history"][-1][1] == "inline"
    assert (seen["who"], seen["left"]) == (["tic"], [])

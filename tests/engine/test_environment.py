"""C2: what the processes of a run find in their environment."""

import os
from pathlib import Path

from engine import environment


def test_the_callers_cloud_variables_stay_outside_and_named_ones_pass() -> None:
    caller = {
        "PATH": "/bin",
        "LC_ALL": "C",
        "AWS_SECRET_ACCESS_KEY": "a",
        "ALICLOUD_SECRET_KEY": "b",
        "MINE": "c",
    }
    assert environment.base(caller) == {"PATH": "/bin", "LC_ALL": "C"}
    assert environment.base(caller, ["MINE"])["MINE"] == "c"


def test_the_engines_folder_comes_first_on_the_search_path() -> None:
    path = environment.search_path({"PATH": "/bin"}, Path("/engine")).split(os.pathsep)
    assert path[0] == "/engine"
    assert path[-1] == "/bin"

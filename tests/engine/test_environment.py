"""C2: what the processes of a run find in their environment."""

import json
import os
from pathlib import Path

import pytest

from engine import environment
from engine.environment import VariableRefused


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


def test_programs_are_told_the_slots_and_no_secret() -> None:
    told = json.loads(environment.slots_told(["alicloud", "alicloud:prod"])["TIC_SLOTS"])
    assert list(told) == ["alicloud:prod"]
    assert told["alicloud:prod"]["PROD_ALICLOUD_SECRET_KEY"] == "ALICLOUD_SECRET_KEY"
    assert environment.slots_told(["alicloud"]) == {"TIC_SLOTS": "{}"}


def test_nothing_is_where_nothing_is_to_be_found(tmp_path: Path) -> None:
    (tmp_path / "nowhere").mkdir()
    (tmp_path / "nowhere" / "left.credential").touch()
    nowhere = environment.nowhere(tmp_path)
    assert nowhere == str(tmp_path / "nowhere")
    assert not Path(nowhere).exists()


def test_the_engines_folder_comes_first_on_the_search_path() -> None:
    path = environment.search_path({"PATH": "/bin"}, Path("/engine")).split(os.pathsep)
    assert path[0] == "/engine"
    assert path[-1] == "/bin"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("A=canary", "never its value"),
        ("UNSET", "no variable"),
        ("PULUMI_BACKEND_URL", "itself"),
        ("PULUMI_ACCESS_TOKEN", "itself"),
        ("TIC_BROKER_TOKEN", "itself"),
        ("", "not the name"),
        ("a b", "not the name"),
        ("\x1b[31m", "not the name"),
    ],
)
def test_a_variable_that_cant_be_passed_is_refused(name: str, said: str) -> None:
    caller = {"PATH": "/bin", "A": "1", "PULUMI_BACKEND_URL": "https://elsewhere", "TIC_BROKER_TOKEN": "t"}
    with pytest.raises(VariableRefused, match=said) as refused:
        environment.base(caller, [name])
    assert refused.value.exit_code == 2
    assert "canary" not in str(refused.value) + refused.value.hint
    assert "\x1b" not in str(refused.value)

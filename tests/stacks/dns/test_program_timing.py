"""D3: `PROGRAM timeout`, as the providers' list has it: JSON, times in seconds; else the defaults."""

import json
import secrets
from pathlib import Path

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stacks.dns.program_timing import LONGEST, Wanted, ask, read
from stacks.dns.programs import ProgramUnsafe
from tests.stacks.dns.processes import wait_until_ended, with_ids
from tests.stacks.dns.provider_programs import shell

CANARY = "canary-" + secrets.token_hex(12)


def test_a_program_is_called_with_timeout_alone_and_its_kinds_settings(tmp_path: Path) -> None:
    lines = [
        f'printf "%s\\n" "$@" > {tmp_path}/words',
        f"env > {tmp_path}/environment",
        """echo '{"timeout": 30, "interval": 5}'""",
    ]
    script = shell(tmp_path / "publish", *lines)
    machine = {"AWS_SECRET_ACCESS_KEY": CANARY, "NO_PROXY": "example.test"}
    assert ask(str(script), {"EXEC_MODE": "RAW"}, machine) == Wanted(30, 5)
    assert (tmp_path / "words").read_text() == "timeout\n"
    environment = (tmp_path / "environment").read_text()
    assert CANARY not in environment
    assert "EXEC_MODE=RAW" in environment
    assert "NO_PROXY=example.test" in environment


@pytest.mark.parametrize(
    "lines",
    [
        ["exit 1"],
        ["""echo '{"timeout": 30}'""", "exit 2"],
        ["echo unknown word timeout"],
        ["exit 0"],
        ["kill -SEGV $$"],
        ["while true; do echo xxxxxxxxxxxxxxxxxxxxxxxxxxx; done"],
        ["exec 1>&-", "sleep 1000"],
        ["""echo '{"timeout": 30}' &""", "exit 1"],
    ],
)
def test_a_program_that_knows_no_such_word_leaves_it_to_the_defaults(
    tmp_path: Path, lines: list[str]
) -> None:
    assert ask(str(shell(tmp_path / "publish", *lines)), {}, {}, seconds=0.5) == Wanted()


def test_a_program_that_hangs_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    script = shell(tmp_path / "publish", f"sleep 1000 & echo $! $$ > {tmp_path}/pids", "wait")
    assert ask(str(script), {}, {}, seconds=0.5) == Wanted()
    members: list[psutil.Process] = with_ids(*map(int, (tmp_path / "pids").read_text().split()))
    wait_until_ended(members)


def test_what_it_leaves_running_is_ended_too(tmp_path: Path) -> None:
    lines = [f"sleep 1000 >/dev/null & echo $! > {tmp_path}/pid", """echo '{"interval": 7}'"""]
    assert ask(str(shell(tmp_path / "publish", *lines)), {}, {}) == Wanted(None, 7)
    wait_until_ended(with_ids(int((tmp_path / "pid").read_text())))


def test_a_program_that_others_could_replace_is_not_asked(tmp_path: Path) -> None:
    script = shell(tmp_path / "publish", f"touch {tmp_path}/ran")
    script.chmod(0o777)
    with pytest.raises(ProgramUnsafe):
        ask(str(script), {}, {})
    assert not (tmp_path / "ran").exists()


def test_a_file_that_is_no_program_leaves_it_to_the_defaults(tmp_path: Path) -> None:
    path = tmp_path / "publish"
    path.write_bytes(b"\x7fELF nothing")
    path.chmod(0o700)
    assert ask(str(path), {}, {}) == Wanted()


@pytest.mark.parametrize(
    ("printed", "wanted"),
    [
        (b'{"timeout": 30, "interval": 5}\n', Wanted(30, 5)),
        (b'{"timeout": 1.2}', Wanted(2)),
        (b'{"timeout": 0, "interval": -1}', Wanted()),
        (b'{"timeout": true, "interval": "5"}', Wanted()),
        (b'{"timeout": NaN, "interval": Infinity}', Wanted()),
        (b"[30, 5]", Wanted()),
        (b"[" * 4000, Wanted()),
        (b"\xff", Wanted()),
        (b"", Wanted()),
    ],
)
def test_only_what_makes_sense_is_taken(printed: bytes, wanted: Wanted) -> None:
    assert read(printed) == wanted


values = st.none() | st.booleans() | st.integers() | st.floats() | st.text()


@given(values, values)
def test_whatever_is_printed_is_seconds_or_nothing(timeout: object, interval: object) -> None:
    wanted = read(json.dumps({"timeout": timeout, "interval": interval}).encode())
    for value in (wanted.timeout, wanted.interval):
        assert value is None or 1 <= value <= LONGEST


@given(st.binary(max_size=200))
def test_no_output_breaks_the_reader(printed: bytes) -> None:
    read(printed)

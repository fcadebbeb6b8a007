"""What can go wrong in a worker, each of it one clear error; and what a secret's ways out are closed to."""

import json
import os
import secrets
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from threading import Event

import psutil
import pytest

from stacks.dns import worker as module
from stacks.dns.programs import ProgramUnsafe
from stacks.dns.publisher import ProviderFailed, Record
from stacks.dns.record import Challenge
from stacks.dns.worker import LegoProvider, LegoWorker, Limits
from tests.stacks.dns.processes import wait_until_ended
from tests.stacks.dns.provider_programs import program, shell, webhook

NAME = "_acme-challenge.example.test"
RECORD = Record(Challenge("example.test", "-token", "-token.thumbprint"), NAME)
CANARY = "canary-" + secrets.token_hex(12)
GOOD = 'print(json.dumps({"success": True}), flush=True)'

Start = Callable[..., LegoWorker]


@pytest.fixture
def start() -> Iterator[Start]:
    with ExitStack() as stack:

        def begin(
            name: str,
            environment: Mapping[str, str],
            *,
            hidden: tuple[str, ...] = (CANARY,),
            limits: Limits | None = None,
            machine: Mapping[str, str] | None = None,
        ) -> LegoWorker:
            provider = LegoProvider(name, environment, {*environment}, hidden, ("127.0.0.1:9",))
            worker = LegoWorker(provider, limits=limits or Limits(), machine=machine or {})
            stack.callback(worker.close)
            return worker

        yield begin


@pytest.fixture
def broken(start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., ProviderFailed]:
    """Publish through a worker whose other side is this code, after it took its settings well."""

    def publish(*lines: str, limits: Limits | None = None) -> ProviderFailed:
        head = ["import ctypes, json, os, signal, sys, time", "sys.stdin.readline()", GOOD]
        text = "\n".join([*head, "sys.stdin.readline()", *lines, ""])
        monkeypatch.setattr(module, "MAIN", program(tmp_path / "other_side.py", text))
        worker = start("httpreq", {"HTTPREQ_ENDPOINT": "http://127.0.0.1:9"}, limits=limits)
        process = psutil.Process(worker._process.pid)
        with pytest.raises(ProviderFailed) as failed:
            worker.perform(RECORD)
        wait_until_ended([process])
        assert not worker.usable
        with pytest.raises(ProviderFailed, match="its worker has ended"):
            worker.cleanup(RECORD)
        return failed.value

    return publish


# A worker that breaks


@pytest.mark.parametrize(
    ("line", "how"),
    [
        ("os.kill(os.getpid(), signal.SIGSEGV)", "signal 11"),
        ("ctypes.string_at(0)", "signal 11"),
        ("os.abort()", "signal 6"),
        ("os._exit(0)", "exit code 0"),
        ("os._exit(7)", "exit code 7"),
        ("raise SystemExit(3)", "exit code 3"),
        ("raise RuntimeError('lost')", "exit code 1"),
        ("""os.write(1, b'{"success": tr'); os._exit(0)""", "exit code 0"),
        ("""os.write(1, b'{"success": true}'); os._exit(1)""", "exit code 1"),
        ("os.close(1); time.sleep(1000)", "its answer can't be read"),
        ("""os.write(1, b'garbage\\n'); time.sleep(1000)""", "its answer can't be read"),
        ("""os.write(1, b'\\xff\\xfe\\x00\\n'); time.sleep(1000)""", "its answer can't be read"),
        ("""os.write(1, b'[]\\n'); time.sleep(1000)""", "its answer can't be read"),
        ("""os.write(1, b'\\n'); time.sleep(1000)""", "its answer can't be read"),
        (
            """sys.stdout.write('[' * 200_000 + chr(10)); sys.stdout.flush(); time.sleep(1000)""",
            "can't be read",
        ),
        ("""while True: os.write(1, b'x' * 65536)""", "its answer can't be read"),
    ],
)
def test_whatever_a_worker_dies_of_is_one_clear_error(
    broken: Callable[..., ProviderFailed], line: str, how: str
) -> None:
    error = broken(line)
    assert str(error).startswith(f"httpreq crashed while publishing {NAME} (")
    assert how in str(error).splitlines()[0]
    assert "run it again" in error.hint
    assert len(str(error)) < 5000


def test_a_worker_that_only_closes_its_output_is_not_waited_for(
    broken: Callable[..., ProviderFailed],
) -> None:
    assert "did not finish" in str(broken("time.sleep(1000)", limits=Limits(perform=0.2)))


def test_an_answer_that_nobody_asked_for_is_not_taken_for_the_next_one(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a call that fails would pass for done."""
    text = f"import json, os, sys\nsys.stdin.readline()\n{GOOD}\n{GOOD}\nfor line in sys.stdin: {GOOD}\n"
    monkeypatch.setattr(module, "MAIN", program(tmp_path / "other_side.py", text))
    worker = start("httpreq", {"HTTPREQ_ENDPOINT": "http://127.0.0.1:9"})
    while not worker._has_spoken():
        pass
    with pytest.raises(ProviderFailed, match="its answer can't be read"):
        worker.perform(RECORD)


def test_half_a_surrogate_pair_in_an_answer_can_be_shown(start: Start) -> None:
    with webhook() as hook:
        hook.fail = '{"message": "a \\ud800 b"}'
        worker = start("httpreq", {"HTTPREQ_ENDPOINT": hook.url})
        with pytest.raises(ProviderFailed) as failed:
            worker.perform(RECORD)
    str(failed.value).encode()


def test_half_a_surrogate_pair_from_a_worker_can_be_shown(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusal = json.dumps({"success": False, "error": "a \ud800 b"})
    text = f"import json, sys\nsys.stdin.readline()\n{GOOD}\nsys.stdin.readline()\nprint({refusal!r})\n"
    monkeypatch.setattr(module, "MAIN", program(tmp_path / "other_side.py", text))
    worker = start("httpreq", {"HTTPREQ_ENDPOINT": "http://127.0.0.1:9"})
    with pytest.raises(ProviderFailed, match=r"failed publishing .*: a \? b") as failed:
        worker.perform(RECORD)
    str(failed.value).encode()


@pytest.mark.parametrize(
    "number", [signal.SIGSEGV, signal.SIGABRT, signal.SIGQUIT, signal.SIGKILL, signal.SIGBUS]
)
def test_a_crash_of_the_real_bridge_is_one_clear_error(start: Start, tmp_path: Path, number: int) -> None:
    """Go writes down every goroutine of its when it dies of a signal."""
    worker = start("exec", {"EXEC_PATH": str(shell(tmp_path / "publish", f"kill -{number} $PPID"))})
    with pytest.raises(ProviderFailed, match=rf"exec crashed while publishing {NAME}") as failed:
        worker.perform(RECORD)
    assert "goroutine" not in str(failed.value)
    assert len(str(failed.value).splitlines()) <= 12


# What it says


@pytest.mark.parametrize("before", [0, 4000, 4070, 4080, 4095, 8180])
def test_a_secret_is_taken_out_wherever_in_a_long_line_it_stands(
    start: Start, tmp_path: Path, before: int
) -> None:
    """What a program prints is read in pieces; a secret may lie across two."""
    text = f"echo {'x' * before}{CANARY}; exit 1"
    worker = start("exec", {"EXEC_PATH": str(shell(tmp_path / "publish", text))})
    with pytest.raises(ProviderFailed) as failed:
        worker.perform(RECORD)
    assert CANARY[:12] not in str(failed.value)
    assert CANARY[-12:] not in str(failed.value)


def test_a_program_that_floods_is_told_by_its_last_lines(start: Start, tmp_path: Path) -> None:
    lines = ["i=0; while [ $i -lt 3000 ]; do echo line $i; i=$((i+1)); done; exit 1"]
    worker = start("exec", {"EXEC_PATH": str(shell(tmp_path / "publish", *lines))})
    with pytest.raises(ProviderFailed) as failed:
        worker.perform(RECORD)
    assert "line 2999" in str(failed.value)
    assert "line 2900" not in str(failed.value)


def test_a_very_long_error_of_a_server_is_cut(start: Start) -> None:
    with webhook() as hook:
        hook.fail = "no " * 100_000
        with pytest.raises(ProviderFailed, match=r"\(it says more\)$") as failed:
            start("httpreq", {"HTTPREQ_ENDPOINT": hook.url}).perform(RECORD)
    assert len(str(failed.value)) < 5000


# What a program gets


ALLOWED = ("/dev/null", "pipe:")
LOOKING = """
printf '%s\\0' "$0" "$@" > {folder}/words
tr '\\0' '\\n' < /proc/$$/environ > {folder}/environment
tr '\\0' '\\n' < /proc/$PPID/environ > {folder}/workers
tr '\\0' ' ' < /proc/$PPID/cmdline > {folder}/command
ls -l /proc/$$/fd | cat > {folder}/open
pwd > {folder}/place
"""


def test_a_program_gets_its_words_and_the_settings_of_its_kind_and_nothing_else(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # C2, D3
    monkeypatch.setenv("ANOTHER_CREDENTIAL", CANARY)
    script = shell(tmp_path / "publish", LOOKING.format(folder=tmp_path))
    worker = start("exec", {"EXEC_PATH": str(script), "EXEC_MODE": "default"}, machine=dict(os.environ))
    worker.perform(RECORD)
    files = ("words", "environment", "workers", "command", "open")
    seen = {name: (tmp_path / name).read_text() for name in files}
    assert seen["words"].split("\0")[:-1] == [str(script), "present", f"{NAME}.", RECORD.value]
    names = {line.partition("=")[0] for line in seen["environment"].splitlines()}
    network = {name for name in module.NETWORK if name in os.environ}
    assert names == {"PATH", "LANG", "HOME", "EXEC_PATH", "EXEC_MODE", *network}
    assert all(CANARY not in text for text in seen.values())
    assert (tmp_path / "place").read_text() == "/\n"
    targets = [line.rpartition(" -> ")[2] for line in seen["open"].splitlines() if " -> " in line]
    assert not [each for each in targets if not each.startswith(ALLOWED) and each != str(script)], targets
    assert "/dev/null" in targets  # its stdin is not the pipe that the credentials came through


def test_a_worker_holds_no_descriptor_of_tics(start: Start, tmp_path: Path) -> None:
    with (tmp_path / "vault").open("w") as vault:
        worker = start("exec", {"EXEC_PATH": str(shell(tmp_path / "publish", "exit 0"))})
        opened = [str(each.readlink()) for each in Path(f"/proc/{worker._process.pid}/fd").iterdir()]
        assert vault.name not in opened


def test_a_program_that_others_may_replace_by_now_is_not_run_again(start: Start, tmp_path: Path) -> None:
    """It was its user's alone when the worker began."""
    script = shell(tmp_path / "publish", f"echo run >> {tmp_path}/runs")
    worker = start("exec", {"EXEC_PATH": str(script)})
    worker.perform(RECORD)
    script.chmod(0o777)
    with pytest.raises(ProgramUnsafe, match="can be replaced by other users"):
        worker.cleanup(RECORD)
    assert (tmp_path / "runs").read_text() == "run\n"
    script.chmod(0o700)
    worker.cleanup(RECORD)
    assert (tmp_path / "runs").read_text() == "run\nrun\n"


def test_a_webhook_learns_nothing_but_its_record_and_its_password(start: Start) -> None:  # D3
    with webhook(user="me", password=CANARY) as hook:
        environment = {
            "HTTPREQ_ENDPOINT": hook.url,
            "HTTPREQ_USERNAME": "me",
            "HTTPREQ_PASSWORD": CANARY,
        }
        start("httpreq", environment).perform(RECORD)
    (path, body, _given) = hook.requests[0]
    assert CANARY not in json.dumps([path, body])


def test_a_server_that_hangs_is_given_up_after_the_time_of_the_credential(start: Start) -> None:  # D2, D3
    answer = Event()

    def hang(_path: str) -> None:
        answer.wait()

    with webhook(on_request=hang) as hook:
        environment = {"HTTPREQ_ENDPOINT": hook.url, "HTTPREQ_HTTP_TIMEOUT": "1"}
        worker = start("httpreq", environment)
        with pytest.raises(ProviderFailed, match="httpreq failed publishing") as failed:
            worker.perform(RECORD)
        answer.set()
    assert "Timeout" in str(failed.value) or "deadline" in str(failed.value)
    assert worker.usable  # it was the server that hung

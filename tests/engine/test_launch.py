"""The supervisor: what a run started ends when the run ends, when it is stopped, and when tic is killed."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from engine.launch import EVENT_LOG, Command, Exited, Launch, Message, Said

SOURCE = Path(__file__).parents[2]
ENVIRONMENT = {"PATH": os.environ["PATH"]}


def script(folder: Path, name: str, text: str) -> list[str]:
    path = folder / name
    path.write_text(textwrap.dedent(text))
    return [sys.executable, str(path)]


@contextmanager
def launched(engine: Command, program: Command | None = None) -> Iterator[Launch]:
    with Launch(program, engine.folder / "private") as launch:
        launch.start(engine)
        yield launch


def everything(launch: Launch) -> list[Message]:
    return list(launch.messages())


def lives(pid: int) -> bool:
    """Whether the process runs; a dead one that nobody collected does not."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def eventually(met: Callable[[], bool], seconds: float = 15) -> bool:
    """Whether `met` becomes true; polls, because processes end when the kernel says so."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if met():
            return True
        time.sleep(0.02)
    return False


STUBBORN = """
    import os, signal, subprocess, sys, time
    if sys.argv[1:] == ["grandchild"]:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        os.setpgid(0, 0)
        open(sys.argv[0] + ".pid", "w").write(str(os.getpid()))
        print("up", flush=True)
        time.sleep(600)
    child = subprocess.Popen([sys.executable, sys.argv[0], "grandchild"], stdout=subprocess.PIPE)
    child.stdout.readline()
    print("ready", flush=True)
    if sys.argv[1:] == ["leave"]:
        sys.exit(3)
    time.sleep(600)
"""


def grandchild(argv: list[str]) -> int:
    return int(Path(argv[1] + ".pid").read_text())


def test_words_events_and_the_exit_code_arrive_in_full(tmp_path: Path) -> None:
    argv = script(
        tmp_path,
        "engine.py",
        """
        import json, sys
        with open(sys.argv[1], "w") as log:
            for number in range(500):
                log.write(json.dumps({"sequence": number}) + "\\n")
        print("said", flush=True)
        print("warned", file=sys.stderr, flush=True)
        sys.exit(7)
        """,
    )
    with launched(Command([*argv, EVENT_LOG], ENVIRONMENT, tmp_path)) as launch:
        messages = everything(launch)
    assert [each["sequence"] for each in messages if isinstance(each, dict)] == list(range(500))
    assert Said("pulumi-stdout", "said") in messages
    assert Said("pulumi-stderr", "warned") in messages
    assert messages[-1] == Exited(7)


def test_the_program_serves_before_pulumi_starts_and_gives_it_its_port(tmp_path: Path) -> None:
    program = script(tmp_path, "program.py", "import time; print(4711, flush=True); time.sleep(600)")
    engine = script(tmp_path, "engine.py", "import sys; print(sys.argv[1], flush=True)")
    with launched(
        Command([*engine, "--client=127.0.0.1:{port}"], ENVIRONMENT, tmp_path),
        Command(program, ENVIRONMENT, tmp_path),
    ) as launch:
        messages = everything(launch)
    assert Said("pulumi-stdout", "--client=127.0.0.1:4711") in messages
    assert messages[-1] == Exited(0)


def test_a_program_that_dies_at_its_start_says_why(tmp_path: Path) -> None:
    program = script(tmp_path, "program.py", "import sys; sys.exit('no pulumi here')")
    engine = script(tmp_path, "engine.py", "print('never')")
    with launched(Command(engine, ENVIRONMENT, tmp_path), Command(program, ENVIRONMENT, tmp_path)) as launch:
        messages = everything(launch)
    assert Said("program-stderr", "no pulumi here") in messages
    assert messages[-1] == Exited(254)


def test_an_engine_that_is_not_there_is_said_by_name(tmp_path: Path) -> None:
    with launched(Command([str(tmp_path / "missing")], ENVIRONMENT, tmp_path)) as launch:
        messages = everything(launch)
    assert any(isinstance(each, Said) and "missing" in each.line for each in messages)
    assert messages[-1] == Exited(255)


def test_an_orphan_in_its_own_group_that_ignores_sigterm_ends_with_the_run(tmp_path: Path) -> None:
    argv = script(tmp_path, "engine.py", STUBBORN)
    with launched(Command([*argv, "leave"], ENVIRONMENT, tmp_path)) as launch:
        messages = everything(launch)
    assert messages[-1] == Exited(3)
    assert not lives(grandchild(argv))


def test_stop_ends_everything(tmp_path: Path) -> None:
    argv = script(tmp_path, "engine.py", STUBBORN)
    with launched(Command(argv, ENVIRONMENT, tmp_path)) as launch:
        for message in launch.messages():
            if message == Said("pulumi-stdout", "ready"):
                launch.stop()
    assert not lives(grandchild(argv))


def test_interrupt_is_a_sigint_for_pulumi_alone(tmp_path: Path) -> None:
    argv = script(
        tmp_path,
        "engine.py",
        """
        import signal, sys, time
        signal.signal(signal.SIGINT, lambda *_: sys.exit(5))
        print("ready", flush=True)
        time.sleep(600)
        """,
    )
    with launched(Command(argv, ENVIRONMENT, tmp_path)) as launch:
        messages = []
        for message in launch.messages():
            messages.append(message)
            if message == Said("pulumi-stdout", "ready"):
                launch.interrupt()
    assert messages[-1] == Exited(5)


@pytest.mark.parametrize("victim", ["tic", "supervisor"])
def test_kill_9_leaves_no_process_of_the_run(tmp_path: Path, victim: str) -> None:
    """C3. A killed supervisor can't end anything; tic then ends what is left of its session."""
    argv = script(tmp_path, "engine.py", STUBBORN)
    tic = script(
        tmp_path,
        "tic.py",
        f"""
        import json, sys
        sys.path.insert(0, {str(SOURCE)!r})
        from pathlib import Path
        from engine.launch import Command, Launch, Said
        with Launch(None, Path({str(tmp_path / "private")!r})) as launch:
            launch.start(Command({argv!r}, {ENVIRONMENT!r}, Path({str(tmp_path)!r})))
            print(launch.pid, flush=True)
            for message in launch.messages():
                if message == Said("pulumi-stdout", "ready"):
                    print("ready", flush=True)
        """,
    )
    owner = subprocess.Popen(tic, stdout=subprocess.PIPE, text=True)
    assert owner.stdout is not None
    supervisor = int(owner.stdout.readline())
    assert owner.stdout.readline() == "ready\n"
    left = [supervisor, *(child.pid for child in psutil.Process(supervisor).children(recursive=True))]
    assert grandchild(argv) in left
    os.kill(owner.pid if victim == "tic" else supervisor, signal.SIGKILL)
    assert eventually(lambda: not any(lives(pid) for pid in left))
    owner.kill()
    owner.wait()
    owner.stdout.close()


def test_the_order_travels_over_stdin_so_no_argument_holds_a_secret(tmp_path: Path) -> None:
    """C2."""
    argv = script(tmp_path, "engine.py", STUBBORN)
    with launched(Command(argv, {**ENVIRONMENT, "SECRET": "canary-of-the-order"}, tmp_path)) as launch:
        for message in launch.messages():
            if message == Said("pulumi-stdout", "ready"):
                supervisor = psutil.Process(launch.pid)
                everyone = [supervisor, *supervisor.children(recursive=True)]
                arguments = json.dumps([process.cmdline() for process in everyone])
                own = json.dumps(supervisor.environ())
                launch.stop()
    assert "canary-of-the-order" not in arguments + own


def test_what_is_never_started_leaves_nothing(tmp_path: Path) -> None:
    """A run that is refused after its program host has begun."""
    program = script(tmp_path, "program.py", "import time; print(4711, flush=True); time.sleep(600)")
    with Launch(Command(program, ENVIRONMENT, tmp_path), tmp_path / "private") as launch:
        supervisor = psutil.Process(launch.pid)
        assert eventually(lambda: bool(supervisor.children()))
        hosts = supervisor.children()
    assert not any(lives(host.pid) for host in hosts)

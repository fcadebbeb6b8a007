"""The process between tic and Pulumi: it ends everything that a run started as soon as tic is gone.

Run by path with `python -I -S`, standard library only, so that it starts in milliseconds. It holds no key. On
stdin it gets two lines of JSON. The first comes at once, so that the program host is ready when the rest is:

    {"program": {"argv", "env", "cwd", "stdin"?} | null, "private": folder that is removed at the end}
    {"pulumi": {"argv", "env", "cwd"}, "keep": [fd, ...]}

then lines `interrupt` (SIGINT to Pulumi: it finishes what is under way and stops) or `stop` (end all now).
The end of stdin means that tic is gone, kill -9 included: everything ends. On stdout it writes lines of JSON:
what Pulumi and the program printed (`{"stream", "line"}`), at last `{"exit": code}`.

Pulumi puts its plugins into process groups of their own, so a group kill does not reach them. The supervisor
is their subreaper (prctl(2), PR_SET_CHILD_SUBREAPER; Linux): orphans become its children, and it ends every
descendant.
"""

import ctypes
import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

PR_SET_CHILD_SUBREAPER = 36
PORT_PLACEHOLDER = "{port}"
GRACE_SECONDS = 3.0
NO_PROGRAM, NOT_STARTED = 254, 255  # exit codes told in place of Pulumi's


class Run:
    """The two children of one run, and the way to end them with all that they started."""

    def __init__(self) -> None:
        self.children: list[subprocess.Popen[str]] = []
        self.program: subprocess.Popen[str] | None = None
        self.pulumi: subprocess.Popen[str] | None = None
        self.private: str | None = None
        self._ending = False
        self._lock = threading.Lock()
        self._readers: list[threading.Thread] = []

    def start_program(self, command: dict[str, Any]) -> None:
        """Start the program host; it will say its port."""
        self.program = self._spawn(command, keep=[])

    def start_pulumi(self, command: dict[str, Any], keep: list[int]) -> bool:
        """Start Pulumi with the program's port; False where the program host ended instead of saying it."""
        port = ""
        if self.program is not None:
            assert self.program.stdout is not None  # noqa: S101 - made by PIPE
            port = self.program.stdout.readline().strip()
            self._follow(self.program, "program")
            if not port.isdigit():
                self.program.wait()
                self._finish_reading()
                return False
        argv = [word.replace(PORT_PLACEHOLDER, port) for word in command["argv"]]
        self.pulumi = self._spawn({**command, "argv": argv}, keep=keep)
        for descriptor in keep:
            os.close(descriptor)
        self._follow(self.pulumi, "pulumi")
        return True

    def wait(self) -> int:
        """Pulumi's exit code, once nothing of the run is left."""
        assert self.pulumi is not None  # noqa: S101 - called after start_pulumi
        code = self.pulumi.wait()
        self.end()
        self._finish_reading()
        return code

    def interrupt(self) -> None:
        """Ask Pulumi to finish what is under way and stop; before it runs there is nothing to finish."""
        if self.pulumi is None:
            self.end()
        elif self.pulumi.poll() is None:
            self.pulumi.send_signal(signal.SIGINT)

    def end(self) -> None:
        """End every descendant: SIGTERM, a moment of grace, SIGKILL; safe to call twice."""
        with self._lock:
            self._ending = True
            for number in (signal.SIGTERM, signal.SIGKILL):
                alive = descendants(os.getpid())
                if not alive:
                    return
                for pid in alive:
                    try:
                        os.kill(pid, number)
                    except ProcessLookupError:
                        continue
                own = {child.pid for child in self.children}
                seconds = GRACE_SECONDS if number == signal.SIGTERM else 1.0
                reap(seconds, [pid for pid in alive if pid not in own], self.children)

    def _spawn(self, command: dict[str, Any], *, keep: list[int]) -> subprocess.Popen[str]:
        if self._ending:
            raise OSError(errno.ECANCELED, "the run was ended", command["argv"][0])
        child = subprocess.Popen(
            command["argv"],
            env=command["env"],
            cwd=command["cwd"],
            stdin=subprocess.PIPE if command.get("stdin") else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            pass_fds=keep,
        )
        self.children.append(child)
        if child.stdin is not None:
            with suppress(BrokenPipeError), child.stdin:  # one that has ended already says why itself
                child.stdin.write(command["stdin"])
        return child

    def _follow(self, child: subprocess.Popen[str], name: str) -> None:
        for stream in ("stdout", "stderr"):
            source = getattr(child, stream)
            reader = threading.Thread(target=copy_lines, args=(source, f"{name}-{stream}"), daemon=True)
            reader.start()
            self._readers.append(reader)

    def _finish_reading(self) -> None:
        for reader in self._readers:
            reader.join(timeout=GRACE_SECONDS)


def copy_lines(stream: Any, name: str) -> None:
    """Send each line on to tic, named by its source."""
    for line in stream:
        say({"stream": name, "line": line.rstrip("\n")})


_say = threading.Lock()


def say(message: dict[str, Any]) -> None:
    """One line of JSON to tic; when tic is gone there is nobody to tell."""
    with _say:
        try:
            sys.stdout.write(json.dumps(message) + "\n")
            sys.stdout.flush()
        except (BrokenPipeError, ValueError):
            return


def descendants(root: int) -> list[int]:
    """Every process below `root`, children first (Linux: /proc; elsewhere: ps)."""
    if sys.platform == "linux" and root == os.getpid() and is_childless():
        return []
    parents: dict[int, int] = {}
    proc = Path("/proc")
    if proc.is_dir():
        for entry in proc.iterdir():
            if entry.name.isdigit():
                try:
                    fields = (entry / "stat").read_text().rpartition(")")[2].split()
                except OSError:
                    continue
                if fields[0] != "Z":
                    parents[int(entry.name)] = int(fields[1])
    else:
        table = subprocess.run(
            ["ps", "-axo", "pid=,ppid="], capture_output=True, text=True, check=False
        ).stdout
        for line in table.splitlines():
            pid, parent = line.split()
            parents[int(pid)] = int(parent)
    found: list[int] = []
    level = {root}
    while level := {pid for pid, parent in parents.items() if parent in level}:
        found.extend(level)
    return found


def is_childless() -> bool:
    """Whether this process has no child, not even one to be waited for, and as a subreaper so no descendant.

    The kernel knows it at once; to read about every process of a machine takes a while.
    """
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return True
    return False


def reap(seconds: float, adopted: list[int], children: list[subprocess.Popen[str]]) -> None:
    """Wait until no descendant lives, at most `seconds`, and collect the orphans among them, whose parent
    this is now.
    """
    end = time.monotonic() + seconds
    while True:
        for child in children:
            child.poll()
        for pid in adopted:
            try:
                os.waitpid(pid, os.WNOHANG)
            except ChildProcessError:
                continue
        if time.monotonic() > end or not descendants(os.getpid()):
            return
        time.sleep(0.01)


def listen(run: Run) -> None:
    """Carry out tic's words; the end of stdin ends the run, whoever closed it."""
    for line in sys.stdin:
        if line.strip() == "interrupt":
            run.interrupt()
        elif line.strip() == "stop":
            break
    run.end()


def main() -> None:
    """Read the two orders, carry them out, report the exit code."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # the terminal's Ctrl-C goes to tic, which decides
    run = Run()
    try:
        code = carry_out(run)
    except OSError as error:
        say({"stream": "pulumi-stderr", "line": f"{error.filename or ''}: {error.strerror}"})
        code = NOT_STARTED
    run.end()
    if run.private:
        shutil.rmtree(run.private, ignore_errors=True)
    say({"exit": code})


def carry_out(run: Run) -> int:
    """The run from its first order to Pulumi's exit code; raises OSError where a program can't be started."""
    first = json.loads(sys.stdin.readline() or "{}")
    run.private = first.get("private")
    if first.get("program"):
        run.start_program(first["program"])
    pulumi = sys.stdin.readline()
    if not pulumi:
        return NOT_STARTED
    order = json.loads(pulumi)
    threading.Thread(target=listen, args=(run,), daemon=True).start()
    return run.wait() if run.start_pulumi(order["pulumi"], order["keep"]) else NO_PROGRAM


if __name__ == "__main__":
    main()

"""The worker process: lego through certbot-dns-multi's bridge, one JSON line in, one JSON line out.

Run as a file by the isolated interpreter (`-I -S`), with the bridge's own file as the argument: it imports
nothing of tic and nothing else that is installed. What the bridge or a program that it starts prints goes
to fd 2.

A guard is forked before the bridge is loaded (its runtime does not survive a fork). When tic's end of stdin
closes, however tic ended, the guard kills the whole process group: no call of a dead run reaches a provider
later.
"""

import json
import os
import resource
import select
import signal
import sys
from importlib.machinery import ExtensionFileLoader, ModuleSpec
from importlib.util import module_from_spec

TOLD = b"\x04\n"  # on fd 2, after everything that a call printed


def main() -> None:
    """Answer requests until stdin ends."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core file would hold the credentials
    if os.fork() == 0:
        _guard()
    replies = os.fdopen(os.dup(1), "w", encoding="ascii")
    os.dup2(2, 1)
    loader = ExtensionFileLoader("lego_bridge", sys.argv[1])
    bridge = module_from_spec(ModuleSpec("lego_bridge", loader, origin=sys.argv[1]))
    loader.exec_module(bridge)
    for line in sys.stdin:
        answer = json.loads(bridge.cmd(json.dumps(json.loads(line))))
        os.write(2, TOLD)
        replies.write(json.dumps(answer) + "\n")
        replies.flush()


def _guard() -> None:
    """Wait, without reading, until nobody holds the writing end of stdin; then end the process group."""
    os.closerange(1, 3)  # else a crash of the worker would not end what tic reads
    waiting = select.poll()
    waiting.register(0, 0)
    waiting.poll()
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    main()

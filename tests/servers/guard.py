"""Run one server and end it when standard input closes: the test session may be killed without a word.

`python -I guard.py USER SIGNAL PROGRAM ARGUMENT...`; exits as the program exits. USER is the user to run it
as, `-` for this one; SIGNAL is the number of the signal that ends it at once.
"""

import os
import subprocess
import sys
import threading
from pathlib import Path


def main() -> int:
    """Start the program, watch standard input from a thread, wait for the program."""
    user, signal, *command = sys.argv[1:]
    if user == "-":
        program = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    else:
        group = Path.cwd().stat().st_gid
        program = subprocess.Popen(command, stdin=subprocess.DEVNULL, user=user, group=group, extra_groups=())

    def watch() -> None:
        while os.read(0, 64):
            pass
        program.send_signal(int(signal))

    threading.Thread(target=watch, daemon=True).start()
    return program.wait()


if __name__ == "__main__":
    sys.exit(main())

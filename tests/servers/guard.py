"""Run one server and end it when standard input closes: the test session may be killed without a word.

`python -I guard.py PROGRAM ARGUMENT...`; exits as the program exits.
"""

import os
import subprocess
import sys
import threading


def main() -> int:
    """Start the program, watch standard input from a thread, wait for the program."""
    program = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL)

    def watch() -> None:
        while os.read(0, 64):
            pass
        program.kill()

    threading.Thread(target=watch, daemon=True).start()
    return program.wait()


if __name__ == "__main__":
    sys.exit(main())

"""A run in a process of its own that publishes and holds on, to be killed: its home, its name server."""

import sys
from pathlib import Path
from threading import Event, Thread

from engine.home import Home
from tests.engine.dns_world import publish, reopened


def main() -> None:
    """Say `ready`, publish the named challenges at once, say so line by line, and wait to be killed."""
    folder, nameserver, tokens = Path(sys.argv[1]), sys.argv[2], sys.argv[3:]
    broker = reopened(Home(folder / "home", folder / "cache")).broker()
    servers = (nameserver,) if nameserver != "-" else ()

    def say(word: str) -> None:
        sys.stdout.write(f"{word}\n")
        sys.stdout.flush()

    def run(token: str) -> None:
        broker.publish(publish(token, nameservers=servers, seconds=600))
        say(token)

    say("ready")
    for token in tokens:
        Thread(target=run, args=(token,), daemon=True).start()
    Event().wait()


if __name__ == "__main__":
    main()

"""A run in a process of its own that publishes and holds on, to be killed: its home, its name server."""

import sys
from pathlib import Path
from threading import Event, Thread

from engine.home import Home
from tests.engine.dns_world import publish, reopened


def main() -> None:
    """Publish apex and wildcard, say so line by line, and wait to be killed."""
    folder, nameserver = Path(sys.argv[1]), sys.argv[2]
    broker = reopened(Home(folder / "home", folder / "cache")).broker()
    servers = (nameserver,) if nameserver != "-" else ()

    def say(token: str) -> None:
        broker.publish(publish(token, nameservers=servers, seconds=600))
        sys.stdout.write(f"{token}\n")
        sys.stdout.flush()

    for token in ("apex", "wildcard"):
        Thread(target=say, args=(token,), daemon=True).start()
    Event().wait()


if __name__ == "__main__":
    main()

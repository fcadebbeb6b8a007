"""A run in a process of its own that publishes and withdraws apex and wildcard without end, to be killed."""

import sys
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread

from engine.home import Home
from engine.withdrawal import FAILURES
from stacks.broker import Publish, Withdraw
from stacks.dns.record import record_value
from tests.e2e.orphans.grounds import DOMAIN, NAME
from tests.engine.dns_world import reopened


def main() -> None:
    """Say `ready`, and go on until the process is killed; a worker that was killed is no end."""
    folder, nameserver, seed = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
    broker = reopened(Home(folder / "home", folder / "cache")).broker()

    def cycle(identifier: str) -> None:
        number = 0
        while True:
            number += 1
            token = f"{seed}-{identifier}-{number}"
            thumbprint = f"{token}.thumbprint"
            with suppress(*FAILURES):
                broker.publish(Publish(identifier, token, thumbprint, None, (nameserver,), 60))
                broker.withdraw(Withdraw(identifier, NAME, record_value(thumbprint)))

    sys.stdout.write("ready\n")
    sys.stdout.flush()
    for identifier in (DOMAIN, f"*.{DOMAIN}"):
        Thread(target=cycle, args=(identifier,), daemon=True).start()
    Event().wait()


if __name__ == "__main__":
    main()

"""One certificate for an apex and its wildcard: tic, lego's CLI, and the bare libraries, at the same Pebble
and BIND.
"""

import contextlib
import os
import sys
from pathlib import Path

from bench import places
from bench.pairs import Ratio, paired
from engine.home import Home
from engine.toolchain import lego
from engine.toolchain.progress import Printer
from tests.e2e.command import setting
from tests.servers.bind import TsigKey, Zone, bind
from tests.servers.pebble import pebble

DOMAINS = ("example.test", "*.example.test")
BARE = Path(__file__).with_name("bare.py")
RUNS = 5


def issuing(folder: Path, engine: Path) -> list[Ratio]:
    """Each run issues a new certificate from a new account; Pebble reuses no authorization and rejects no
    nonce.
    """
    program = lego.ensure(Home.find(), Printer(sys.stderr))
    key = TsigKey()
    with contextlib.ExitStack() as servers:
        dns = servers.enter_context(bind(folder, [Zone("example.test", key)]))
        ca = servers.enter_context(pebble(folder, dns=dns.address, reuse_authorizations=0, reject_nonces=0))
        count = iter(range(1000))
        update = {
            "RFC2136_NAMESERVER": dns.address,
            "RFC2136_TSIG_KEY": f"{key.name}.",
            "RFC2136_TSIG_ALGORITHM": f"{key.algorithm}.",
            "RFC2136_TSIG_SECRET": key.secret,
            "RFC2136_SEQUENCE_INTERVAL": "1",  # seconds between challenges; by default lego waits a minute
        }

        def by_tic() -> float:
            place = places.with_tic(folder / f"issue-tic-{next(count)}", engine)
            secret = place.folder / "secret.json"
            secret.touch(mode=0o600)
            secret.write_text(f'{{"tsig-secret": "{key.secret}"}}')
            fields = {"nameserver": dns.address, "tsig-key": key.name, "tsig-algorithm": key.algorithm}
            given = [word for name, value in fields.items() for word in ("--field", f"{name}={value}")]
            place.run(
                places.TIC, "creds", "new", "dns", "--provider", "rfc2136", *given, "--secrets-from", secret
            )
            place.run(
                places.TIC, "stack", "new", "site", "--template", "certificate",
                *setting("domains", DOMAINS), *setting("directory", ca.directory_url),
                *setting("caFile", str(ca.ca_file)),
                *setting("nameservers", [dns.address]),
            )  # fmt: skip
            return place.run(places.TIC, "stack", "up", "site")

        def by_lego() -> float:
            where = folder / f"issue-lego-{next(count)}"
            where.mkdir()
            place = places.Place(where, {**os.environ, **update, "LEGO_CA_CERTIFICATES": str(ca.ca_file)})
            return place.run(
                program, "--server", ca.directory_url, "--accept-tos", "--email", "bench@example.test",
                "--dns", "rfc2136", "--dns.resolvers", dns.address, "--path", where,
                # the zone's own name servers are on no usual port, so it looks where Pebble looks
                "--dns.propagation-disable-ans", "--dns.propagation-rns",
                *(word for name in DOMAINS for word in ("--domains", name)),
                "run",
            )  # fmt: skip

        def by_hand() -> float:
            where = folder / f"issue-bare-{next(count)}"
            where.mkdir()
            place = places.Place(where, {**os.environ, **update})
            return place.run(sys.executable, BARE, ca.directory_url, ca.ca_file, dns.address, *DOMAINS)

        return [
            paired(
                "apex + wildcard, `tic stack up`", by_tic, "lego's CLI 4.35.2", by_lego, runs=RUNS, goal=0.5
            ),
            paired("the same", by_tic, "acme + lego_bridge in one script", by_hand, runs=RUNS, goal=2.5),
        ]

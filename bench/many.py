"""Many certificates in one stack, against a loop of lego's CLI: how many a minute, at the same Pebble and
BIND.

lego is set to the shortest waits that its CLI takes without giving up its own look at the record: a second
between two looks (RFC2136_POLLING_INTERVAL; it sleeps one such interval before the first), a second between
two challenges (RFC2136_SEQUENCE_INTERVAL, by default a minute; with one name in each run it never waits for
it). Its account is registered before the time is taken. tic has `--parallel 32`, as each certificate waits
for its CA most of the time (by default Pulumi does four things at once for each core), and else its defaults:
it verifies each record at the zone's server ten times.
"""

import os
import sys
import tempfile
import time
from pathlib import Path

from bench.pairs import Ratio, paired, timed
from engine.home import Home
from engine.toolchain import lego
from engine.toolchain.progress import Printer
from tests.e2e.many.world import Many, many

NAMES, ZONES = int(os.environ.get("BENCH_NAMES", "100")), 20
LOOP = min(NAMES, 20)
RUNS = 2


def a_minute(seconds: float) -> str:
    """Certificates a minute, where each takes these seconds."""
    return f"{60 / seconds:.0f} a minute"


def many_names(folder: Path, _engine: Path) -> list[Ratio]:
    """`NAMES` certificates by one `tic stack up`, and the first `LOOP` of the names by one lego each."""
    program = lego.ensure(Home.find(), Printer(sys.stderr))
    where = folder / "many"
    where.mkdir()
    with many(where, NAMES, min(ZONES, NAMES)) as made:
        made.bind_keys()

        def by_tic() -> float:
            began = time.perf_counter()
            made.tic("stack", "up", "many/dev", "--parallel", "32")
            seconds = time.perf_counter() - began
            made.tic("stack", "destroy", "many/dev", "--yes")
            made.bind_slots()
            return seconds / NAMES

        def by_lego() -> float:
            path = Path(tempfile.mkdtemp(dir=where))
            _issue(program, made, path, 0)  # registers the account, and is not counted
            return sum(_issue(program, made, path, each % NAMES) for each in range(1, LOOP + 1)) / LOOP

        what = f"{NAMES} names, {min(ZONES, NAMES)} zones, 3 credentials: one `tic stack up`"
        against = f"a loop of lego's CLI 4.35.2 ({LOOP} of the names)"
        ratio = paired(what, by_tic, against, by_lego, runs=RUNS, goal=0.1, warm_up=False)
        return [
            Ratio(
                ratio.what, ratio.ours, ratio.against, ratio.theirs, ratio.ratio, ratio.goal, shown=a_minute
            )
        ]


def _issue(program: Path, made: Many, path: Path, number: int) -> float:
    """Seconds of one lego that issues one of the names, in a folder of its own for the certificate."""
    name, _ = made.names[number]
    key = next(zone.key for zone in made.bind.zones if zone.key and name.endswith(f".{zone.name}"))
    server = made.bind.address
    environment = {
        **os.environ,
        "LEGO_CA_CERTIFICATES": str(made.ca.ca_file),
        "RFC2136_NAMESERVER": server,
        "RFC2136_TSIG_KEY": f"{key.name}.",
        "RFC2136_TSIG_ALGORITHM": f"{key.algorithm}.",
        "RFC2136_TSIG_SECRET": key.secret,
        "RFC2136_POLLING_INTERVAL": "1",
        "RFC2136_SEQUENCE_INTERVAL": "1",
    }
    command: list[str | Path] = [
        program, "--server", made.ca.directory_url, "--accept-tos", "--email", "bench@example.test",
        "--dns", "rfc2136", "--dns.resolvers", server, "--path", path,
        "--dns.propagation-disable-ans", "--dns.propagation-rns", "--domains", name, "run",
    ]  # fmt: skip
    return timed(command, folder=path, environment=environment)

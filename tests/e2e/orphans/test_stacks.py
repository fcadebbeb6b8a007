"""D1, C3: `tic stack up` is killed, or the plugin, the worker or the engine below it, at random moments.

What is left is withdrawn by `tic dns clean`, or by the next run, half of the time after the credential was
rotated; the names are an apex and its wildcard, so two values at one name, beside one of somebody else.
"""

import random
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.e2e.command import Tic, setting
from tests.e2e.orphans.grounds import DOMAIN, Counts, Ground, ground, secret_fields
from tests.servers.pebble import Pebble, pebble

pytestmark = pytest.mark.server

VICTIMS = {
    "plugin": "pulumi-resource-tic",
    "worker": "worker_main.py",
    "engine": "pulumi",
}
"""A word of each process's command line; tic itself is none of them."""
MOMENTS = (("up site/site", 3.0), ("dns/challengeRecord:ChallengeRecord", 1.0))
"""A kill comes up to so many seconds after such a line: anywhere, or where records come and go."""
MANY = 50


def made(folder: Path, at: Ground, ca: Pebble) -> Tic:
    """A home with the credential, and the stack `site` of apex and wildcard, never run."""
    work = folder / "work"
    work.mkdir()
    tic = Tic(folder / "home", work)
    tic("vault", "init")
    secret = {"tsig-secret", "api-key"}
    public = [
        word
        for name, value in at.fields().items()
        if name not in secret
        for word in ("--field", f"{name}={value}")
    ]
    tic(
        "creds", "new", "dns", "--provider", at.kind, *public,
        "--secrets-from", "-", stdin=secret_fields(at),
    )  # fmt: skip
    tic(
        "stack", "new", "site", "--template", "certificate",
        *setting("domains", [DOMAIN, f"*.{DOMAIN}"]),
        *setting("directory", ca.directory_url),
        *setting("caFile", str(ca.ca_file)),
        *setting("nameservers", [at.address]),
        *setting("deployDirectory", str(folder / "deployed")),
    )  # fmt: skip
    return tic


def struck(tic: Tic, chance: random.Random, counts: Counts) -> bool:
    """Run `up` and kill one of its processes; whether it had not ended before."""
    victim = chance.choice(("tic", *VICTIMS))
    with tic.running("stack", "up", "site") as run:
        line, longest = chance.choice(MOMENTS)
        assert run.stderr is not None
        if not any(line in said for said in run.stderr):
            return False  # an earlier run had come further than that
        time.sleep(chance.uniform(0, longest))  # the moment is what is random
        if run.poll() is not None:
            return False
        below = psutil.Process(run.pid).children(recursive=True)
        found = [each for each in below if victim != "tic" and is_one(each, VICTIMS[victim])]
        if found:
            chance.choice(found).kill()
            _out, said = run.communicate(timeout=120)  # tic ends the rest itself
            assert "Traceback" not in said, said
        else:
            run.kill()
    counts.killed(victim if found else "tic")
    _gone, alive = psutil.wait_procs(below, timeout=30)
    assert not [each for each in alive if each.status() != psutil.STATUS_ZOMBIE]
    return True


def is_one(process: psutil.Process, word: str) -> bool:
    try:
        return any(Path(each).name.startswith(word) for each in process.cmdline()[:4])
    except psutil.Error:
        return False


def rotate(tic: Tic, at: Ground) -> None:
    at.rotate()
    tic("creds", "rotate", "dns", "--secrets-from", "-", stdin=secret_fields(at))


def proof(folder: Path, kind: str, kills: int) -> Counts:
    """Kill so often, recover, and count; prints seed and counts."""
    seed = random.randrange(2**32)
    chance, counts = random.Random(seed), Counts()
    with (
        ground(kind, folder) as at,
        pebble(folder, dns=at.address, reuse_authorizations=0) as ca,
    ):
        tic = made(folder, at, ca)
        before = at.everything()
        while sum(counts.kills.values()) < kills:
            if not struck(tic, chance, counts):
                tic("stack", "destroy", "site", "--yes")
                continue
            if kind != "exec" and chance.random() < 0.5:
                rotate(tic, at)
                counts.rotations += 1
            left = at.values()
            counts.recovered += len(left)
            tic(*(("dns", "clean") if chance.random() < 0.5 else ("stack", "refresh", "site")))
            counts.hold(at, before)
            assert tic("dns", "records", "--json").json() == []
            assert (counts.orphans, counts.touched) == (0, 0), (seed, counts, at.everything())
        tic("stack", "up", "site")
        counts.hold(at, before)
        assert (folder / "deployed" / "fullchain.pem").exists()
    sys.stderr.write(f"{kind}, seed {seed}: {counts}\n")
    return counts


def test_a_killed_up_leaves_no_orphan_and_touches_no_foreign_record(tmp_path: Path) -> None:
    counts = proof(tmp_path, "pdns", 1)
    assert (counts.orphans, counts.touched) == (0, 0)


@pytest.mark.soak
@pytest.mark.parametrize("kind", ["rfc2136", "pdns", "exec"])
def test_so_it_is_every_time(tmp_path: Path, kind: str) -> None:
    counts = proof(tmp_path, kind, MANY)
    assert counts.recovered > 0
    assert (counts.orphans, counts.touched) == (0, 0)

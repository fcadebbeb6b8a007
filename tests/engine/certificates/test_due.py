"""`tic cert renew --due` with many certificates, without Pulumi: the table, the CAs, and runs that are told
of (E1).
"""

import threading
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from engine.certificates import kept, listing
from engine.certificates.due import renew_due
from engine.certificates.listing import Listed
from engine.certificates.planning import CERTIFICATES_OF_A_RUN, Waiting
from engine.certificates.renewal import Renewed
from engine.errors import EngineError
from engine.events import Diagnostic
from engine.installation import Installation
from engine.operation import Operation, Outcome
from engine.state import checkpoints, stacks
from engine.state.stacks import Stack
from tests.engine.certificates.certs import resource, save
from tests.engine.moved_states import installation

NOW = datetime.now(UTC)


class _Directory(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def ca() -> Iterator[str]:
    """The directory of a CA that answers."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Directory) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/directory"
        server.shutdown()
        thread.join()


@pytest.fixture
def silent_ca() -> str:
    """The directory of one that does not."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Directory) as server:
        port = server.server_port
    return f"http://127.0.0.1:{port}/directory"


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Installation]:
    here = installation(tmp_path)
    yield here
    here.database.close()


class World:
    """Runs that make what is wanted, but for the certificates in `broken`; and who hears of them."""

    def __init__(self, home: Installation) -> None:
        self.home = home
        self.broken: set[str] = set()
        self.runs: list[tuple[str, int]] = []
        self.came: list[Renewed] = []
        self.put_off: list[Waiting] = []
        self.lost_stacks: list[str] = []

    def fill(self, stack: str, certificates: int, ca: str, ends: datetime) -> None:
        """A stack with certificates that end one second after the other."""
        found = [
            resource(stack, f"c{number}", number + 1, ends + timedelta(seconds=number), ca)
            for number in range(certificates)
        ]
        with self.home.database.write() as connection:
            save(connection, stacks.create(connection, "shop", stack), found)

    def run(self, stack: Stack, operation: Operation) -> Outcome:
        """What `up` would do to certificates that are wanted."""
        with self.home.database.write() as connection:
            found = checkpoints.deployment(connection, stack.id)["resources"]
            wanted = kept.wanted(connection, stack.id)
            due = [each for each in found if each["urn"] in wanted]
            self.runs.append((stack.name, len(due)))
            failed = [each for each in due if each["urn"].rpartition("::")[2] in self.broken]
            for each in due:
                if each not in failed:
                    epoch = wanted[each["urn"]]
                    end, serial = NOW + timedelta(days=90), int(each["outputs"]["serial"], 16)
                    name, directory = each["urn"].rpartition("::")[2], each["inputs"]["directoryUrl"]
                    each |= resource(stack.name, name, serial + (epoch << 32), end, directory, epoch)
            save(connection, stack, found)
        errors = [Diagnostic("error", "the CA found nothing", each["urn"]) for each in failed]
        return Outcome(succeeded=not failed, errors=errors)

    def waits(self, waiting: Sequence[Waiting]) -> None:
        self.put_off += waiting

    def begins(self, certificates: Sequence[Listed]) -> None:
        assert len(certificates) <= CERTIFICATES_OF_A_RUN

    def ended(self, came: Renewed) -> None:
        self.came.append(came)

    def lost(self, certificates: Sequence[Listed], error: EngineError) -> None:
        self.lost_stacks.append(certificates[0].stack)
        assert error.hint

    def listed(self, name: str) -> Listed:
        with self.home.database.read() as connection:
            return listing.find(connection, name)


@pytest.fixture
def world(home: Installation) -> World:
    return World(home)


def test_the_stack_whose_certificates_end_first_is_first_and_each_is_renewed_once(
    world: World, ca: str
) -> None:
    world.fill("a", 3, ca, NOW + timedelta(days=20))
    world.fill("b", 250, ca, NOW + timedelta(days=10))
    world.fill("fresh", 2, ca, NOW + timedelta(days=80))
    renew_due(world.home, world.run, world)
    assert world.runs == [("b", 100), ("b", 100), ("b", 50), ("a", 3)]
    renewed = [one for came in world.came for one in came.renewed]
    assert len({one.id for one in renewed}) == len(renewed) == 253
    assert all(one.kept.held.epoch == 2 and one.due_at > NOW for one in renewed)
    world.runs.clear()
    renew_due(world.home, world.run, world)
    assert world.runs == []


def test_a_ca_that_does_not_answer_costs_no_run_and_is_no_failure(
    world: World, ca: str, silent_ca: str
) -> None:
    world.fill("gone", 5, silent_ca, NOW + timedelta(days=20))
    world.fill("here", 5, ca, NOW + timedelta(days=20))
    renew_due(world.home, world.run, world)
    assert world.runs == [("here", 5)]
    assert len(world.put_off) == 5
    one = world.listed("gone/c0")
    assert (one.status(NOW), one.standing.failures) == ("waiting", 0)
    assert "does not answer" in one.standing.problem
    assert one.due_at > NOW
    world.put_off.clear()
    renew_due(world.home, world.run, world)
    assert (world.put_off, len(world.runs)) == ([], 1)


def test_one_that_fails_stops_no_other_stack(world: World, ca: str) -> None:
    world.fill("a", 2, ca, NOW + timedelta(days=10))
    world.fill("b", 2, ca, NOW + timedelta(days=20))
    world.broken = {"c1"}
    renew_due(world.home, world.run, world)
    assert world.runs == [("a", 2), ("b", 2)]
    assert world.listed("a/c1").status(NOW) == "failing"
    assert world.listed("a/c1").standing.problem == "the CA found nothing"


def test_one_that_fails_takes_none_of_its_run_along(world: World, ca: str) -> None:
    world.fill("a", 3, ca, NOW + timedelta(days=10))
    world.broken = {"c1"}
    renew_due(world.home, world.run, world)
    (came,) = world.came
    assert [one.kept.name for one in came.renewed] == ["c0", "c2"]
    assert [one.kept.name for one in came.failed] == ["c1"]
    assert world.listed("a/c0").standing.failures == 0
    assert world.listed("a/c0").due_at > NOW + timedelta(days=50)


def test_one_that_another_process_renewed_meanwhile_is_left_as_it_is(world: World, ca: str) -> None:
    world.fill("a", 1, ca, NOW + timedelta(days=10))
    world.fill("b", 1, ca, NOW + timedelta(days=20))
    serials: list[str] = []

    def run(stack: Stack, operation: Operation) -> Outcome:
        if not serials:
            with world.home.database.write() as connection:
                other = stacks.find(connection, "shop", "b")
                assert other is not None
                end = NOW + timedelta(days=90)
                save(connection, other, [resource("b", "c0", 0xAFFE, end, ca, epoch=2)])
            serials.append(world.listed("b/c0").kept.held.serial)
        return world.run(stack, operation)

    renew_due(world.home, run, world)
    assert world.runs == [("a", 1)]
    assert world.listed("b/c0").kept.held.serial == serials[0] == "affe"
    assert world.listed("b/c0").standing.wanted_epoch is None
    assert [one.kept.held.serial for one in world.came[1].renewed] == ["affe"]


def test_a_stack_that_goes_away_meanwhile_stops_no_other(world: World, ca: str) -> None:
    for number, stack in enumerate(("a", "b", "c")):
        world.fill(stack, 1, ca, NOW + timedelta(days=10 + number))

    def run(stack: Stack, operation: Operation) -> Outcome:
        if stack.name == "a":
            with world.home.database.write() as connection:
                gone = stacks.find(connection, "shop", "b")
                assert gone is not None
                stacks.remove(connection, gone.id)
        return world.run(stack, operation)

    renew_due(world.home, run, world)
    assert world.runs == [("a", 1), ("c", 1)]
    assert world.lost_stacks == ["shop/b"]


def test_an_interruption_ends_the_round(world: World, ca: str) -> None:
    world.fill("a", 1, ca, NOW + timedelta(days=10))
    world.fill("b", 1, ca, NOW + timedelta(days=20))

    def run(stack: Stack, operation: Operation) -> Outcome:
        world.runs.append((stack.name, 0))
        return Outcome(interrupted=True)

    renew_due(world.home, run, world)
    assert world.runs == [("a", 0)]
    assert world.listed("a/c0").standing.failures == 0


@pytest.mark.soak
def test_ten_thousand_that_are_due_are_renewed_in_one_round(world: World, ca: str) -> None:
    """The round itself: reading, planning, noting; what a run does is written as it is, and no more."""
    import time

    for number in range(100):
        world.fill(f"s{number}", 100, ca, NOW + timedelta(days=10, minutes=number))
    began = time.perf_counter()
    renew_due(world.home, world.run, world)
    took = time.perf_counter() - began
    renewed = sum(len(came.renewed) for came in world.came)
    print(f"{renewed} renewed in {len(world.runs)} runs, {took:.1f} s of round and states")  # noqa: T201
    assert renewed == 10_000
    assert world.runs == [(f"s{number}", 100) for number in range(100)]

"""The stock CLI and `tic serve` over TLS: tokens, whom they bind, and servers that are killed on the way."""

import json
import signal
import socket
import ssl
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.state.updates import LEASE_SECONDS
from tests.e2e.balancer import balanced
from tests.e2e.team import Server, Team, team
from tests.engine.served_certificates import written
from tests.engine.state.driver import Cli
from tests.engine.state.program import Declared, Program, Secret, things
from tests.engine.state.waiting import wait_for

pytestmark = pytest.mark.server

CANARY = "canary-of-the-team"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, pulumi_command: Path) -> Iterator[Team]:
    """A team on SQLite."""
    with team(tmp_path_factory.mktemp("team"), pulumi_command) as made:
        made.token("everything", "--expires", "never")
        yield made


@pytest.fixture(scope="module")
def server(shared: Team) -> Iterator[Server]:
    """Its server, which must have said nothing that opens anything, and end well."""
    made = shared.server()
    yield made
    assert made.end() == 0
    log = made.log.read_text()
    assert "Traceback" not in log
    assert CANARY not in log
    assert "tic-access-" not in log


@pytest.fixture(params=["sqlite", "postgresql"])
def pair(
    request: pytest.FixtureRequest, tmp_path: Path, pulumi_command: Path
) -> Iterator[tuple[Team, list[Server]]]:
    """Two servers of one database; on PostgreSQL they are two machines."""
    url = request.getfixturevalue("empty_postgres_url") if request.param == "postgresql" else None
    with team(tmp_path, pulumi_command, database_url=url, homes=2 if url else 1) as made:
        made.token("builder")
        yield made, [made.server(home=0), made.server(home=-1)]


def refused(cli: Cli, *words: str) -> str:
    """What a command says that fails."""
    done = cli(*words, check=False)
    assert done.returncode != 0
    return done.stdout + done.stderr


def test_a_stack_lives_its_whole_life_over_tls(shared: Team, server: Server) -> None:
    cli = shared.cli("alice", server.port, shared.token("alice"))
    assert "alice" in cli("whoami").stdout
    cli("stack", "init", "life")
    cli("config", "set", "--secret", "password", CANARY)
    program = Program((Declared("a", {"value": "one"}),), {"secret": Secret(CANARY)})
    cli.run("up", program)
    assert json.loads(cli("stack", "output", "--json", "--show-secrets").stdout) == {"secret": CANARY}
    exported = cli("stack", "export").stdout
    assert CANARY not in exported
    (cli.project / "state.json").write_text(exported)
    cli("stack", "import", "--file", "state.json")
    assert [each["kind"] for each in cli.json("stack", "history")] == ["import", "update"]
    cli.run("destroy", program)
    assert cli.made == []
    cli("stack", "rm", "life", "--yes")
    log = shared.tic("audit", "list", "--action", "stack.remove", "--json").json()
    assert [(each["stack"], each["detail"]) for each in log] == [("proj/life", {"by": "alice"})]


def test_nothing_is_said_in_the_clear(server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server.port)) as plain:
        plain.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b"ok" not in plain.recv(100)


def test_without_a_good_token_a_cli_is_told_what_to_do(shared: Team, server: Server) -> None:
    shared.token("short", "--expires", "1s")
    expired = shared.token("shorter", "--expires", "1s")
    wait_for(lambda: all(each["expired"] for each in tokens(shared) if "short" in str(each["name"])))
    assert "'shorter' expired on" in refused(shared.cli("expired", server.port, expired), "stack", "ls")
    stranger = shared.cli("stranger", server.port, "tic-access-" + "A" * 43)
    assert "Unauthorized" in refused(stranger, "stack", "ls")
    log = server.log.read_text()
    assert " 127.0.0.1 - 403 GET " in log
    assert " 127.0.0.1 - 401 GET " in log


def things_of(cli: Cli, stack: str) -> list[str]:
    """The things in a stack's state, by name."""
    exported = json.loads(cli("stack", "export", "--stack", stack).stdout)["deployment"]
    found = (each for each in exported["resources"] if each["type"] == "trivial:index:Thing")
    return sorted(each["urn"].rpartition("::")[2] for each in found)


def tokens(made: Team) -> list[dict[str, object]]:
    found: list[dict[str, object]] = made.tic("token", "list", "--json").json()
    return found


def test_whoever_may_only_read_previews_and_changes_nothing(shared: Team, server: Server) -> None:
    owner = shared.cli("owner", server.port, shared.token("owner"))
    owner("stack", "init", "seen")
    owner("config", "set", "--secret", "password", CANARY)
    owner.run("up", things("a"))
    reader = shared.cli("reader", server.port, shared.token("reader", "--read-only"))
    for file in owner.project.glob("Pulumi.*.yaml"):
        (reader.project / file.name).write_text(file.read_text())
    reader("stack", "select", "seen")
    assert reader("config", "get", "password").stdout.strip() == CANARY
    assert "create" in reader.run("preview", things("a", "b"))
    said = reader.run("up", things("a", "b"), check=False)
    assert "may read and preview, and change nothing" in said
    for words in (["stack", "init", "other"], ["stack", "rm", "--yes", "--force"], ["stack", "rename", "x"]):
        assert "may read and preview, and change nothing" in refused(reader, *words)
    assert [each["kind"] for each in owner.json("stack", "history")] == ["update"]


def test_a_bound_token_sees_and_makes_its_own_stack_alone(shared: Team, server: Server) -> None:
    other = shared.cli("other", server.port, shared.token("other"))
    other("stack", "init", "theirs")
    bound = shared.cli("bound", server.port, shared.token("bound", "--stack", "proj/mine"))
    bound("stack", "init", "mine")
    bound.run("up", things("a"))
    assert [each["name"] for each in bound.json("stack", "ls")] == ["mine"]
    assert "for other stacks than proj/another" in refused(bound, "stack", "init", "another")
    assert "theirs" not in bound("stack", "ls", "--all").stdout
    refused(bound, "stack", "export", "--stack", "theirs")


def test_what_runs_is_told_by_name_and_address_and_can_be_cancelled(
    shared: Team, server: Server, tmp_path: Path
) -> None:  # C3
    cli = shared.cli("runner", server.port, shared.token("runner"))
    cli("stack", "init", "busy")
    gate = tmp_path / "go"
    program = Program((Declared("a", {"wait": str(gate)}), Declared("b", needs=("a",))))
    with cli.running("up", program) as run:
        wait_for(gate.with_name("go.reached").exists)
        shown = shared.tic("stack", "show", "proj/busy", "--json").json()["running"]
        assert (shown["kind"], shown["user"], shown["owner"]) == ("up", "runner", "a pulumi CLI at 127.0.0.1")
        second = shared.cli("second", server.port, shared.token("second"))
        second("stack", "select", "busy")
        said = second.run("up", things("b"), check=False)
        assert "runner, a pulumi CLI at 127.0.0.1" in said
        assert "tic stack cancel proj/busy" in said
        cancelled = shared.tic("stack", "cancel", "proj/busy").err
        assert "by a pulumi CLI at 127.0.0.1 can write no more" in cancelled
        gate.touch()
        printed, _ = run.communicate(timeout=120)
        assert run.returncode != 0, printed
    again = shared.cli("third", server.port, shared.token("third"))
    again("stack", "select", "busy")
    again.run("up", things("b"))


def test_a_revoked_token_ends_what_runs_with_it_and_frees_the_stack_at_once(
    shared: Team, server: Server, tmp_path: Path
) -> None:  # C3
    cli = shared.cli("leaver", server.port, shared.token("leaver"))
    cli("stack", "init", "left")
    gate = tmp_path / "go"
    with cli.running("up", Program((Declared("a", {"wait": str(gate)}), Declared("b", needs=("a",))))) as run:
        wait_for(gate.with_name("go.reached").exists)
        began = time.monotonic()
        shared.tic("token", "revoke", "leaver")
        follower = shared.cli("follower", server.port, shared.token("follower"))
        follower("stack", "select", "left")
        follower.run("up", things("c"))
        assert time.monotonic() - began < LEASE_SECONDS
        gate.touch()
        run.communicate(timeout=120)
        assert run.returncode != 0
    assert "requires logging in" in refused(cli, "stack", "ls")
    assert "c" in things_of(follower, "left")


def test_an_update_goes_on_while_one_server_after_the_other_is_killed(
    pair: tuple[Team, list[Server]], tmp_path: Path
) -> None:  # C3
    made, (one, two) = pair
    gates = [tmp_path / name for name in ("first", "second")]
    program = Program(
        (
            Declared("a", {"wait": str(gates[0])}),
            Declared("b", {"wait": str(gates[1])}, needs=("a",)),
            Declared("c", needs=("b",)),
        ),
        {"secret": Secret(CANARY)},
    )
    with balanced(one.port, two.port) as balancer:
        cli = made.cli("builder", balancer.port, made.token("carpenter"))
        cli("stack", "init", "dev")
        with cli.running("up", program) as run:
            wait_for((tmp_path / "first.reached").exists)
            one.end(signal.SIGKILL)
            gates[0].touch()
            wait_for((tmp_path / "second.reached").exists)
            two.end(signal.SIGKILL)
            gates[1].touch()  # what it writes now finds no server
            one.start()
            printed, _ = run.communicate(timeout=120)
            assert run.returncode == 0, printed
        assert [name.partition("-")[0] for name in cli.made] == ["a", "b", "c"]
        two.start()
        assert things_of(cli, "dev") == ["a", "b", "c"]
        assert "4 unchanged" in cli.run("up", program)
        assert json.loads(cli("stack", "output", "--json", "--show-secrets").stdout) == {"secret": CANARY}
        assert [each["result"] for each in cli.json("stack", "history")] == ["succeeded", "succeeded"]
        made.homes[-1]("token", "revoke", "carpenter")
        assert "requires logging in" in refused(cli, "stack", "ls")
    assert [server.end() for server in (one, two)] == [0, 0]
    assert [each["name"] for each in tokens(made)] == ["builder"]


def test_a_proxy_that_ends_tls_stands_before_it(shared: Team) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(shared.files.certificate, shared.files.key)
    with balanced(0, tls=context) as proxy:
        behind = shared.server("--behind-proxy", f"https://localhost:{proxy.port}")
        proxy.behind = [behind.port]
        cli = shared.cli("outside", proxy.port, shared.token("outside"))
        cli("stack", "init", "proxied")
        cli("config", "set", "--secret", "password", CANARY)
        cli.run("up", Program((Declared("a"),), {"secret": Secret(CANARY)}))
        assert json.loads(cli("stack", "output", "--json", "--show-secrets").stdout) == {"secret": CANARY}
        assert behind.end(signal.SIGINT) == 0
        assert behind.said == f"export PULUMI_BACKEND_URL=https://localhost:{proxy.port}\n"


def test_a_renewed_certificate_is_shown_without_a_restart(shared: Team, server: Server) -> None:
    trust = ssl.create_default_context(cafile=shared.ca_file)

    def names() -> str:
        with (
            socket.create_connection(("127.0.0.1", server.port)) as plain,
            trust.wrap_socket(plain, server_hostname="localhost") as connection,
        ):
            return str(connection.getpeercert())

    assert "renewed.test" not in names()
    written(shared.folder, shared.authority, "localhost", "127.0.0.1", "renewed.test")
    wait_for(lambda: "renewed.test" in names())
    wait_for(lambda: "was read anew: for localhost, renewed.test" in server.log.read_text())

"""A certificate on a host: a real sshd, whose key is checked; whole files, a command, nothing of others."""

import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from random import Random
from time import sleep
from typing import Any

import psutil
import pytest

from stacks.broker import OpenedFields
from stacks.errors import StackError
from stacks.provider.deploy.host import Host
from stacks.provider.deploy.key_form import telling_lines
from stacks.provider.properties import Change
from stacks.provider.resource import Unfinished
from stacks.provider.run import Operation, Run
from tests.servers.openssh import OpenSsh, make_key, openssh
from tests.stacks.provider.acme.chains import Chain, chain
from tests.stacks.provider.broker_server import BrokerServer
from tests.stacks.provider.deploy.placed import nothing_told
from tests.stacks.provider.driver import Ear, State
from tests.stacks.provider.relay import relay

pytestmark = pytest.mark.server
HOST = Host()
CUT, MOST_CUTS, MOST_RUNS = 0.003, 1000, 20
"""CUT is the share of the pieces that are sent whose answer is lost: some twenty-five are a connection."""


@pytest.fixture(scope="session")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenSsh]:
    with openssh(tmp_path_factory.mktemp("sshd")) as server:
        yield server


@pytest.fixture
def made() -> Chain:
    return chain("a.test")


class There:
    """The resource, each act in a run of its own, as each `tic stack up` is."""

    def __init__(self, sshd: OpenSsh, broker: BrokerServer, path: Path) -> None:
        self.sshd, self.broker, self.path, self.ear = sshd, broker, path, Ear()
        self.log_in_with(username=sshd.user, **{"private-key": sshd.key})

    def log_in_with(self, **fields: str) -> None:
        self.broker.credentials["ssh"] = OpenedFields("ssh", fields)

    def operation(self) -> Operation:
        return Operation.begin(Run(self.broker.environment, self.ear), "urn:pulumi:s::p::t::www")

    def inputs(self, made: Chain, **given: Any) -> State:
        checked = HOST.check(
            {
                "host": "127.0.0.1",
                "port": self.sshd.port,
                "hostKeys": [f"[127.0.0.1]:{self.sshd.port} {self.sshd.host_key}"],
                "path": str(self.path),
                "certificatePem": made.certificate,
                "chainPem": made.intermediate,
                "privateKeyPem": made.key,
                **given,
            }
        )
        assert checked.failures == []
        return checked.inputs

    def create(self, made: Chain, **given: Any) -> State:
        inputs = self.inputs(made, **given)
        return {**inputs, **HOST.create(self.operation(), inputs).outputs}

    def update(self, state: State, made: Chain, **given: Any) -> State:
        inputs = self.inputs(made, **given)
        return {**inputs, **HOST.update(self.operation(), state, inputs)}


@pytest.fixture
def there(sshd: OpenSsh, broker: BrokerServer, tmp_path: Path) -> There:
    return There(sshd, broker, tmp_path / "etc" / "tls")


def names(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


def test_files_are_whole_private_renewed_in_place_and_removed(there: There, made: Chain) -> None:
    """E2, E4."""
    state = there.create(made)
    assert names(there.path) == ["cert.pem", "chain.pem", "fullchain.pem", "privkey.pem"]
    assert (there.path / "privkey.pem").stat().st_mode & 0o777 == 0o600
    assert (there.path / "cert.pem").stat().st_mode & 0o777 == 0o644
    assert (there.path / "fullchain.pem").read_text() == made.certificate + made.intermediate
    newer = chain("a.test", serial=0x99)
    state = there.update(state, newer)
    assert (there.path / "cert.pem").read_text() == newer.certificate
    assert state["serial"] == "99"
    HOST.delete(there.operation(), state)
    assert not there.path.exists()
    HOST.delete(there.operation(), state)


def test_what_others_put_there_stays(there: There, made: Chain) -> None:
    there.path.mkdir(parents=True)
    (there.path / "other").write_text("theirs")
    state = there.create(made)
    (there.path / "chain.pem").write_text("changed by hand")
    HOST.delete(there.operation(), state)
    assert names(there.path) == ["chain.pem", "other"]
    assert "left on 127.0.0.1, because they were changed since" in there.ear.warned[0]


def test_a_refresh_sees_what_was_changed_or_lost(there: There, made: Chain) -> None:
    state = there.create(made)
    assert HOST.read(there.operation(), state) == HOST.kept(state)
    (there.path / "cert.pem").write_text("another")
    (there.path / "chain.pem").unlink()
    (there.path / "privkey.pem").chmod(0o640)
    found = HOST.read(there.operation(), state)
    assert found is not None
    assert found["drift"] == ["cert.pem", "chain.pem", "privkey.pem"]
    changes = HOST.diff(there.operation(), {**state, **found}, there.inputs(made), ())
    assert changes == {"drift": Change.UPDATE}
    there.update({**state, **found}, made)
    assert (there.path / "cert.pem").read_text() == made.certificate
    shutil.rmtree(there.path)
    assert HOST.read(there.operation(), state) is None


def test_another_folder_takes_the_old_one_away_and_another_name_of_the_host_does_not(
    there: There, made: Chain
) -> None:
    state = there.create(made)
    moved = there.update(state, made, path=str(there.path.with_name("moved")))
    assert not there.path.exists()
    keys = [f"{there.sshd.host_key} comment"]
    renamed = there.update(moved, made, path=moved["path"], host="localhost", hostKeys=keys)
    assert names(Path(moved["path"])) == ["cert.pem", "chain.pem", "fullchain.pem", "privkey.pem"]
    assert renamed["madeFolder"] in (True, False)


def test_a_host_that_shows_another_key_gets_nothing(there: There, made: Chain) -> None:
    _, other = make_key()
    with pytest.raises(StackError, match="shows another key than the program states") as no:
        there.create(made, hostKeys=[other])
    assert "ssh-keyscan" in no.value.hint
    assert not there.path.exists()


def test_a_key_that_is_revoked_is_not_trusted_wherever_else_it_stands(there: There, made: Chain) -> None:
    key, (_, other) = there.sshd.host_key, make_key()
    revoked = f"@revoked * {key}"
    for lines in ([other, revoked], [key, revoked], [revoked, f"[127.0.0.1]:{there.sshd.port} {key}"]):
        with pytest.raises(StackError, match="or a revoked one, so nothing was sent"):
            there.create(made, hostKeys=lines)
    assert not there.path.exists()
    there.create(made, hostKeys=[key, f"@revoked * {other}"])
    assert (there.path / "cert.pem").exists()


def test_a_login_that_the_host_refuses_is_told_without_the_key(there: There, made: Chain) -> None:
    key, _ = make_key()
    there.log_in_with(username=there.sshd.user, **{"private-key": key})
    with pytest.raises(StackError, match=r"does not let \w+ log in with this credential") as refused:
        there.create(made)
    assert key.splitlines()[1] not in str(refused.value)
    sealed, _ = make_key("right")
    there.log_in_with(username=there.sshd.user, **{"private-key": sealed, "passphrase": "wrong"})
    with pytest.raises(StackError, match="its passphrase is another"):
        there.create(made)


def test_a_command_runs_in_the_folder_and_one_that_fails_is_run_again(
    there: There, made: Chain, tmp_path: Path
) -> None:
    ready = f"test -e {tmp_path}/ready"
    command = ["/bin/sh", "-c", f"{ready} && cat cert.pem > {tmp_path}/read; cat privkey.pem; {ready}"]
    with pytest.raises(Unfinished, match="the certificate is at ") as failed:
        there.create(made, command=command)
    assert "ended with code 1" in str(failed.value)
    assert made.key.splitlines()[1] not in str(failed.value)
    (tmp_path / "ready").touch()
    inputs = there.inputs(made, command=command)
    HOST.update(there.operation(), {**inputs, **failed.value.outputs}, inputs)
    assert (tmp_path / "read").read_text() == made.certificate


def test_a_command_that_takes_too_long_is_ended_with_all_that_it_started(
    there: There, made: Chain, tmp_path: Path
) -> None:
    lines = f"/bin/sleep 600 & echo $$ $! > {tmp_path}/pids; wait"
    with pytest.raises(Unfinished, match=r"was ended: it took more than 0.5 s"):
        there.create(made, command=["/bin/sh", "-c", lines], commandTimeoutSeconds=0.5)
    for pid in (tmp_path / "pids").read_text().split():
        wait_until_gone(int(pid))


def wait_until_gone(pid: int) -> None:
    with suppress(psutil.NoSuchProcess):
        psutil.Process(pid).wait(10)


def test_a_command_ends_with_the_run_that_is_cancelled(there: There, made: Chain, tmp_path: Path) -> None:
    operation = there.operation()
    lines = f"trap '' TERM; echo $$ > {tmp_path}/pid; while :; do /bin/sleep 0.1; done"

    def cancel() -> None:
        while not (tmp_path / "pid").exists():
            sleep(0.02)
        operation.run.cancelled.set()

    with ThreadPoolExecutor(1) as pool:
        pool.submit(cancel)
        with pytest.raises(StackError, match="cut short"):
            HOST.create(operation, there.inputs(made, command=["/bin/sh", "-c", lines]))
    wait_until_gone(int((tmp_path / "pid").read_text()))


@pytest.mark.parametrize("seed", [1, *(pytest.param(each, marks=pytest.mark.soak) for each in range(2, 8))])
def test_it_converges_though_connections_break(there: There, tmp_path: Path, seed: int) -> None:  # E2, E4
    """About a tenth of them are cut, with what was sent last done, and nobody hearing of it."""
    there.path.mkdir(parents=True)
    (there.path / "theirs").write_text("theirs")
    chance, read = Random(seed), tmp_path / "read"
    with relay(there.sshd.port) as way:
        way.losing, way.most = (lambda _size: chance.random() < CUT), MOST_CUTS
        given: dict[str, Any] = {
            "port": way.port,
            "hostKeys": [there.sshd.host_key],
            "command": ["/bin/sh", "-c", f"cat cert.pem > {read}"],
        }
        state: State = {}
        for serial in range(1, 5):
            made = chain("a.test", serial=serial)
            state = until_done(there, state, made, given)
            assert read.read_text() == (there.path / "cert.pem").read_text() == made.certificate
            assert names(there.path) == ["cert.pem", "chain.pem", "fullchain.pem", "privkey.pem", "theirs"]
        way.losing = lambda _size: False
        HOST.delete(there.operation(), state)
    assert names(there.path) == ["theirs"]
    assert way.lost or seed > 1  # by some seeds no connection breaks


def until_done(there: There, state: State, made: Chain, given: State) -> State:
    """Run it again, as people do, until it does not fail and a refresh finds what was written."""
    failures: list[str] = []
    while len(failures) < MOST_RUNS:
        try:
            state = there.update(state, made, **given) if state else there.create(made, **given)
            assert HOST.read(there.operation(), state) == HOST.kept(state)
        except StackError as error:
            failures.append(f"{error} {error.hint}")
            if isinstance(error, Unfinished):
                state = {**there.inputs(made, **given), **error.outputs}
        else:
            nothing_told(telling_lines(made.key), failures)
            return state
    raise AssertionError(f"still failing: {failures[-1]}")


def test_a_host_that_is_not_there_is_one_clear_error(there: There, made: Chain) -> None:
    with pytest.raises(StackError, match=r"127\.0\.0\.1:1: "):
        there.create(made, port=1)
    cancelled = there.operation()
    cancelled.run.cancelled.set()
    with pytest.raises(StackError, match="cut short"):
        HOST.create(cancelled, there.inputs(made, command=["/bin/sleep", "60"]))


def test_what_does_not_belong_together_is_not_sent(there: There, made: Chain) -> None:
    with pytest.raises(StackError, match="nothing was sent to "):
        there.create(made, privateKeyPem=chain("a.test").key)
    assert not there.path.exists()


def test_a_line_that_holds_no_key_is_told_in_words_of_our_own(there: There, made: Chain) -> None:
    with pytest.raises(StackError, match=r"holds no public key of 127\.0\.0\.1 that can be read") as refused:
        there.create(made, hostKeys=["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA"])
    assert "ssh-keyscan 127.0.0.1" in refused.value.hint


KEY = make_key()[1]


@pytest.mark.parametrize(
    "keys",
    [
        *([], ["nothing"], ["ssh-ed25519"], ["# a comment"], [f"# h {KEY}"], [f"#h {KEY}"]),
        *([f"@revoked h {KEY}"], [KEY, f"@trusted h {KEY}"], [f"@REVOKED h {KEY}"], [KEY, "@revoked h"]),
    ],
)
def test_a_host_without_a_key_is_refused(keys: list[str]) -> None:
    given = {
        "host": "h",
        "hostKeys": keys,
        "path": "/x",
        "certificatePem": "c",
        "privateKeyPem": make_key()[0],
    }
    assert "hostKeys" in [each.path for each in HOST.check(given).failures]

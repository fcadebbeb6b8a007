"""lego in a process of its own: exec and httpreq for real, and everything that goes wrong in a worker."""

import json
import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from dns.message import Message

from stacks.dns.programs import ProgramUnsafe
from stacks.dns.publisher import ProviderFailed, Record
from stacks.dns.record import Challenge
from stacks.dns.worker import LIMITS, NETWORK, EnvironmentRefused, LegoProvider, LegoWorker, Limits
from tests.stacks.dns.answering import Query, answering, response
from tests.stacks.dns.processes import wait_until_ended, with_ids
from tests.stacks.dns.provider_programs import shell, value_of, webhook

NAME = "_acme-challenge.example.test"
RECORD = Record(Challenge("example.test", "-token", "-token.thumbprint"), NAME)
CANARY = "canary-" + secrets.token_hex(12)

Start = Callable[..., LegoWorker]


@pytest.fixture
def start() -> Iterator[Start]:
    with ExitStack() as stack:

        def begin(
            name: str,
            environment: Mapping[str, str],
            *,
            secrets: tuple[str, ...] = (),
            limits: Limits = LIMITS,
            machine: Mapping[str, str] | None = None,
            nameservers: tuple[str, ...] = ("127.0.0.1:9",),
            files: Mapping[str, bytes] | None = None,
        ) -> LegoWorker:
            known = {*environment, *(files or ())}
            provider = LegoProvider(name, environment, known, secrets, nameservers, files=files or {})
            worker = LegoWorker(provider, limits=limits, machine=machine or {})
            stack.callback(worker.close)
            return worker

        yield begin


def family(worker: LegoWorker) -> list[psutil.Process]:
    """The worker, its guard and what it started."""
    process = psutil.Process(worker._process.pid)
    return [process, *process.children(recursive=True)]


# exec and httpreq, exactly as they are documented


@pytest.mark.parametrize(
    ("mode", "words"),
    [
        ("default", [f"{NAME}.", value_of("-token.thumbprint")]),
        ("RAW", ["--", "example.test", "-token", "-token.thumbprint"]),
    ],
)
def test_a_program_gets_the_words_of_its_mode(
    start: Start, tmp_path: Path, mode: str, words: list[str]
) -> None:  # D3
    log = tmp_path / "log"
    script = shell(tmp_path / "publish", f'for word in "$@"; do echo "$word" >> {log}; done')
    worker = start("exec", {"EXEC_PATH": str(script), "EXEC_MODE": mode})
    worker.perform(RECORD)
    assert log.read_text().splitlines() == ["present", *words]
    log.unlink()
    worker.cleanup(RECORD)
    assert log.read_text().splitlines() == ["cleanup", *words]


def test_a_program_gets_the_target_of_a_cname(start: Start, tmp_path: Path) -> None:  # D3, D5
    log = tmp_path / "log"
    script = shell(tmp_path / "publish", f'echo "$@" > {log}')

    def respond(query: Query) -> Message:
        records = [f"{NAME}. CNAME x.other.test."] if query.name == NAME else []
        return response(query, *records)

    with answering(respond) as server:
        start("exec", {"EXEC_PATH": str(script)}, nameservers=(server.address,)).perform(RECORD)
    assert log.read_text() == f"present x.other.test. {RECORD.value}\n"


def test_a_program_that_fails_is_told_with_what_it_printed(start: Start, tmp_path: Path) -> None:  # D3
    script = shell(tmp_path / "publish", "echo the zone is locked", "echo really >&2", "exit 3")
    with pytest.raises(ProviderFailed) as failed:
        start("exec", {"EXEC_PATH": str(script)}).perform(RECORD)
    text = str(failed.value)
    assert f"exec failed publishing {NAME}: " in text
    assert "exit status 3" in text
    assert "the zone is locked" in text
    assert "really" in text


@pytest.mark.parametrize("mode", ["default", "RAW"])
def test_a_webhook_gets_the_body_of_its_mode(start: Start, mode: str) -> None:  # D3
    bodies = {
        "default": {"fqdn": f"{NAME}.", "value": value_of("-token.thumbprint")},
        "RAW": {"domain": "example.test", "token": "-token", "keyAuth": "-token.thumbprint"},
    }
    with webhook(user="publisher", password=CANARY) as hook:
        worker = start(
            "httpreq",
            {
                "HTTPREQ_ENDPOINT": hook.url,
                "HTTPREQ_MODE": mode,
                "HTTPREQ_USERNAME": "publisher",
                "HTTPREQ_PASSWORD": CANARY,
            },
        )
        worker.perform(RECORD)
        worker.cleanup(RECORD)
    assert [(path, body) for path, body, _ in hook.requests] == [
        ("/present", bodies[mode]),
        ("/cleanup", bodies[mode]),
    ]
    assert all(given is not None for _, _, given in hook.requests)


@pytest.mark.parametrize("only", ["HTTPREQ_USERNAME", "HTTPREQ_PASSWORD"])
def test_half_of_basic_authentication_is_none(start: Start, only: str) -> None:  # D3
    with webhook() as hook:
        start("httpreq", {"HTTPREQ_ENDPOINT": hook.url, only: CANARY}).perform(RECORD)
    assert hook.requests[0][2] is None


def test_a_servers_error_is_told_without_the_secret_that_it_echoes(start: Start) -> None:
    with webhook(user="publisher", password=CANARY) as hook:
        hook.fail = f"database is down; you sent AUTHORIZATION, that is {CANARY}"
        environment = {
            "HTTPREQ_ENDPOINT": hook.url,
            "HTTPREQ_USERNAME": "publisher",
            "HTTPREQ_PASSWORD": CANARY,
        }
        worker = start("httpreq", environment, secrets=(CANARY,))
        with pytest.raises(ProviderFailed) as failed:
            worker.perform(RECORD)
    (_, _, sent) = hook.requests[0]
    text = f"{failed.value} {failed.value.hint}"
    assert "database is down" in text
    assert CANARY not in text
    assert sent is not None
    assert sent not in text


# A worker's limits


def test_a_program_that_hangs_is_ended_with_all_that_it_started(start: Start, tmp_path: Path) -> None:  # D3
    pids = tmp_path / "pids"
    script = shell(tmp_path / "publish", f"sleep 1000 & echo $! $$ > {pids}", "wait")
    worker = start("exec", {"EXEC_PATH": str(script)}, limits=Limits(perform=1.0))
    members = family(worker)
    with pytest.raises(ProviderFailed, match=r"exec did not finish publishing .* within 1 s and was stopped"):
        worker.perform(RECORD)
    members += with_ids(*map(int, pids.read_text().split()))
    wait_until_ended(members)
    assert not worker.usable
    with pytest.raises(ProviderFailed, match="its worker has ended"):
        worker.cleanup(RECORD)


def test_a_crash_in_the_worker_is_one_clear_error(start: Start, tmp_path: Path) -> None:
    worker = start("exec", {"EXEC_PATH": str(shell(tmp_path / "publish", "kill -SEGV $PPID"))})
    with pytest.raises(
        ProviderFailed, match=r"exec crashed while publishing _acme-challenge\.example\.test"
    ) as failed:
        worker.perform(RECORD)
    assert "goroutine" not in str(failed.value)
    assert not worker.usable


def test_a_worker_ends_at_once_when_tic_is_killed_even_in_the_middle_of_a_call(tmp_path: Path) -> None:  # C3
    """Else a call of a dead run could publish a record after the next run has cleaned up."""
    pids = tmp_path / "pids"
    script = shell(tmp_path / "publish", f"echo $$ $PPID > {pids}", "sleep 1000")
    tic = f"""
from tests.stacks.dns.test_worker import *
environment = {{"EXEC_PATH": {str(script)!r}}}
provider = LegoProvider("exec", environment, set(environment), [], ["127.0.0.1:9"])
LegoWorker(provider, machine={{}}).perform(RECORD)
"""
    process = subprocess.Popen([sys.executable, "-c", tic], cwd=Path(__file__).parents[3])
    while not (pids.exists() and len(pids.read_text().split()) == 2):
        assert process.poll() is None
    members = [psutil.Process(pid) for pid in map(int, pids.read_text().split())]
    process.send_signal(signal.SIGKILL)
    process.wait()
    wait_until_ended(members)


def test_closing_leaves_no_process_behind(start: Start, tmp_path: Path) -> None:
    worker = start("exec", {"EXEC_PATH": str(shell(tmp_path / "publish", "exit 0"))})
    members = family(worker)
    assert len(members) == 2
    worker.close()
    wait_until_ended(members)


# What goes into a worker


def test_credentials_are_in_no_argument_and_no_environment_listing(start: Start) -> None:  # C2
    with webhook() as hook:
        worker = start("httpreq", {"HTTPREQ_ENDPOINT": hook.url, "HTTPREQ_PASSWORD": CANARY})
        for process in family(worker):
            assert CANARY not in " ".join(process.cmdline())
            assert CANARY not in json.dumps(process.environ())
        assert CANARY not in json.dumps(dict(os.environ))


def test_a_program_sees_nothing_of_tics_own_environment(start: Start, tmp_path: Path) -> None:
    listing = tmp_path / "environment"
    script = shell(tmp_path / "publish", f"env > {listing}")
    machine = {
        "HOME": "/root",
        "AWS_SECRET_ACCESS_KEY": CANARY,
        "PATH": CANARY,
        "HTTPS_PROXY": "http://proxy:3128",
    }
    start("exec", {"EXEC_PATH": str(script)}, machine=machine).perform(RECORD)
    names = {line.partition("=")[0] for line in listing.read_text().splitlines()}
    shells = {"PWD", "SHLVL", "_", "OLDPWD"}
    assert names <= {"PATH", "LANG", "HOME", *shells, "EXEC_PATH", "HTTPS_PROXY"}
    assert CANARY not in listing.read_text()
    assert "HOME=/nonexistent" in listing.read_text()  # no file of this user's is taken for a credential


@pytest.mark.parametrize(
    "name", [*NETWORK, "HTTPREQ_PASSWORD_FILE", "PATH", "LD_PRELOAD", "lower", "A=B", ""]
)
def test_a_variable_that_the_kind_does_not_declare_is_refused(name: str) -> None:
    provider = LegoProvider(
        "httpreq", {"HTTPREQ_ENDPOINT": "http://x", name: "1"}, {"HTTPREQ_ENDPOINT"}, [], []
    )
    with pytest.raises(EnvironmentRefused, match="is no setting of httpreq"):
        provider.checked()


@pytest.mark.parametrize("name", [*NETWORK, "lower"])
def test_not_even_a_kind_can_declare_how_the_machine_reaches_the_outside(name: str) -> None:
    with pytest.raises(EnvironmentRefused, match="is no setting of httpreq"):
        LegoProvider("httpreq", {name: "1"}, {name}, [], []).checked()


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("\ud800", "surrogate"),
        ("a\0b", "NUL"),
        ("x" * 200_000, "200000 bytes long"),
        (7, "is not text"),
    ],
)
def test_a_value_that_would_harm_the_worker_is_refused_and_not_shown(value: str, problem: str) -> None:
    with pytest.raises(EnvironmentRefused, match=problem) as refused:
        LegoProvider("httpreq", {"HTTPREQ_ENDPOINT": value}, {"HTTPREQ_ENDPOINT"}, [], []).checked()
    assert len(str(refused.value)) < 200


def test_values_that_are_too_large_together_are_refused(start: Start) -> None:
    environment = {f"HTTPREQ_{letter}": "x" * 16_000 for letter in "ABCD"}
    with pytest.raises(EnvironmentRefused, match="larger together"):
        start("httpreq", environment)


def test_a_program_that_others_could_replace_is_refused_before_any_worker_starts(tmp_path: Path) -> None:
    script = shell(tmp_path / "publish", "exit 0")
    script.chmod(0o777)
    with pytest.raises(ProgramUnsafe):
        LegoProvider("exec", {"EXEC_PATH": str(script)}, {"EXEC_PATH"}, [], []).checked()


def key_file() -> bytes:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


ORACLE = {
    "OCI_TENANCY_OCID": "ocid1.tenancy.oc1..x",
    "OCI_USER_OCID": "ocid1.user.oc1..x",
    "OCI_FINGERPRINT": "20:3b:97:13:55:1c:5b:0d:d3:37:d8:50:4e:c5:3a:34",
    "OCI_REGION": "eu-frankfurt-1",
    "OCI_COMPARTMENT_OCID": "ocid1.compartment.oc1..x",
}


@pytest.mark.parametrize(
    ("provider", "environment", "variable"),
    [
        ("oraclecloud", ORACLE, "OCI_PRIVATE_KEY_PATH"),
        ("transip", {"TRANSIP_ACCOUNT_NAME": "me"}, "TRANSIP_PRIVATE_KEY_PATH"),
    ],
)
def test_a_private_file_is_read_by_the_worker_and_never_on_a_disk(
    start: Start, provider: str, environment: dict[str, str], variable: str
) -> None:  # D4, C2
    before = {path.name for path in Path("/proc/self/fd").iterdir()}
    worker = start(provider, environment, files={variable: key_file()})
    opened = [path.readlink() for path in Path(f"/proc/{worker._process.pid}/fd").iterdir()]
    named = {str(path) for path in opened if path.name.startswith("memfd")}
    assert named == {f"/memfd:{variable} (deleted)"}
    worker.close()
    assert {path.name for path in Path("/proc/self/fd").iterdir()} == before


def test_a_private_file_that_the_provider_cant_use_is_one_clear_error(start: Start) -> None:
    with pytest.raises(ProviderFailed, match="oraclecloud failed taking its settings") as failed:
        start("oraclecloud", ORACLE, secrets=(CANARY,), files={"OCI_PRIVATE_KEY_PATH": CANARY.encode()})
    assert CANARY not in str(failed.value)


def test_a_file_that_the_kind_does_not_declare_is_refused() -> None:
    provider = LegoProvider("exec", {}, {"EXEC_PATH"}, (), (), files={"SSL_CERT_FILE": b"mine"})
    with pytest.raises(EnvironmentRefused, match="'SSL_CERT_FILE' is no setting of exec"):
        provider.checked()


def test_missing_settings_are_told_by_their_names(start: Start) -> None:
    with pytest.raises(ProviderFailed, match="HTTPREQ_ENDPOINT"):
        start("httpreq", {})


def test_settings_are_not_in_the_repr() -> None:
    assert CANARY not in repr(LegoProvider("httpreq", {"HTTPREQ_PASSWORD": CANARY}, set(), [CANARY], []))


def test_eight_workers_publish_at_once(start: Start) -> None:
    with webhook() as hook, ThreadPoolExecutor(8) as pool:
        workers = [start("httpreq", {"HTTPREQ_ENDPOINT": hook.url}) for _ in range(8)]
        records = [Record(Challenge(f"{n}.example.test", "t", f"t.{n}"), f"{n}") for n in range(8)]
        list(pool.map(LegoWorker.perform, workers, records))
    assert len(hook.records) == 8

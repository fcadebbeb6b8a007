"""The plugin's process: what it answers over gRPC, and how it ends."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import psutil
import pytest
from google.protobuf import empty_pb2
from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from stacks.provider.values import secret_names, wrapped
from tests.stacks.provider import plugin
from tests.stacks.provider.acme.chains import chain

ENGINE = "127.0.0.1:1"
END_SECONDS = 20


@contextmanager
def running(folder: Path) -> Iterator[tuple["subprocess.Popen[str]", provider_pb2_grpc.ResourceProviderStub]]:
    """A plugin process without a broker, and a client of it."""
    script = plugin.install(folder)
    process = subprocess.Popen(
        [script, ENGINE], stdout=subprocess.PIPE, text=True, env=plugin.environment(folder)
    )
    assert process.stdout is not None
    try:
        with process.stdout, grpc.insecure_channel(f"127.0.0.1:{int(process.stdout.readline())}") as channel:
            yield process, provider_pb2_grpc.ResourceProviderStub(channel)
    finally:
        process.kill()
        process.wait()


def refusal(folder: Path, resource: str, **properties: object) -> tuple[grpc.StatusCode, str]:
    """The status and the text with which creating a resource fails."""
    given = PropertyValue.marshal_map(wrapped(properties, ()))
    request = provider_pb2.CreateRequest(urn=f"urn:pulumi:dev::proj::{resource}::name", properties=given)
    with running(folder) as (_, client), pytest.raises(grpc.RpcError) as refused:
        client.Create(request)
    return refused.value.code(), str(refused.value.details())


def test_an_error_is_one_sentence_with_the_next_step_and_leaves_nothing_pending(tmp_path: Path) -> None:
    """C3. Pulumi keeps an operation as pending after UNKNOWN and INTERNAL; nothing here ever is."""
    proof = {"identifier": "a.test", "token": "t", "keyAuthorization": "t.k", "timeoutSeconds": 1}
    code, said = refusal(tmp_path, "tic:dns/challengeRecord:ChallengeRecord", **proof)
    assert code is grpc.StatusCode.FAILED_PRECONDITION
    assert said.endswith("— next: run the stack through tic: tic stack up")
    assert "Traceback" not in said
    assert "\n" not in said


def test_a_bug_is_told_as_a_bug_and_leaves_nothing_pending(tmp_path: Path) -> None:
    code, said = refusal(tmp_path, "tic:acme/order:Order")
    assert code is grpc.StatusCode.ABORTED
    assert "bug of tic" in said


def test_a_type_that_does_not_exist_is_told_with_those_that_do(tmp_path: Path) -> None:
    assert "tic:acme/order:Order" in refusal(tmp_path, "tic:acme/ordr:Ordr")[1]


def test_it_tells_its_version_and_schema(tmp_path: Path) -> None:
    with running(tmp_path) as (_, client):
        assert client.GetPluginInfo(empty_pb2.Empty()).version
        assert "IssuedCertificate" in client.GetSchema(provider_pb2.GetSchemaRequest(version=0)).schema


def test_a_private_key_given_in_the_open_is_a_secret_from_then_on(tmp_path: Path) -> None:
    """E4. Not every language's program marks it."""
    made = chain("a.test")
    given = {"path": "/srv/tls", "certificatePem": made.certificate, "privateKeyPem": made.key}
    request = provider_pb2.CheckRequest(
        urn="urn:pulumi:dev::proj::tic:deploy/directory:Directory::files",
        news=PropertyValue.marshal_map(wrapped(given, ())),
    )
    with running(tmp_path) as (_, client):
        answer = client.Check(request)
    assert list(answer.failures) == []
    assert secret_names(PropertyValue.unmarshal_map(answer.inputs)) == {"privateKeyPem"}


def test_every_failure_is_told_at_its_property(tmp_path: Path) -> None:
    pasted = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"
    given = {
        "directoryUrl": "http://x",
        "domains": ["a_b", "a.test", "A.test"],
        "keytype": "rsa",
        "caCertificates": pasted,
    }
    request = provider_pb2.CheckRequest(
        urn="urn:pulumi:dev::proj::tic:acme/order:Order::order",
        news=PropertyValue.marshal_map(wrapped(given, ())),
    )
    with running(tmp_path) as (_, client):
        found = [(each.property, each.reason) for each in client.Check(request).failures]
    failures = dict(found)
    assert set(failures) == {"directoryUrl", "domains[0]", "domains[2]", "keytype", "accountUri", ""}
    # The engine prints the value of the property that a failure names: these are named in the reason alone.
    unnamed = [reason.partition(" ")[0] for name, reason in found if not name]
    assert unnamed == ["`accountKeyPem`", "`caCertificates`"]
    assert "did you mean keyType?" in failures["keytype"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_engine_ends_it_with_a_signal(tmp_path: Path, number: signal.Signals) -> None:
    with running(tmp_path) as (process, _):
        process.send_signal(number)
        assert process.wait(timeout=END_SECONDS) == 0


def test_it_ends_when_the_engine_was_killed(tmp_path: Path) -> None:
    """C3. kill -9 tells nobody."""
    script = plugin.install(tmp_path)
    code = "import subprocess, sys; p = subprocess.Popen(sys.argv[1:]); print(p.pid, flush=True); p.wait()"
    engine = subprocess.Popen(
        [sys.executable, "-c", code, script, ENGINE],
        stdout=subprocess.PIPE,
        text=True,
        env=plugin.environment(tmp_path),
    )
    assert engine.stdout is not None
    with engine.stdout:
        process = psutil.Process(int(engine.stdout.readline()))
        engine.stdout.readline()  # the port: it serves
        engine.kill()
        engine.wait()
        process.wait(timeout=END_SECONDS)
    assert not process.is_running()


def test_a_run_that_changes_nothing_pays_for_no_library_that_only_issuing_needs() -> None:
    code = (
        "import sys, stacks.provider.servicer;"
        "heavy = ('acme', 'cryptography', 'josepy', 'requests', 'idna', 'engine', 'credentials');"
        "print([each for each in heavy if each in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

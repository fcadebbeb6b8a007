"""The plugin's side of the broker: what it sends, what it understands, and how it fails."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stacks import broker
from stacks.broker import Broker, BrokerError, BrokerUnavailable, Publish, Withdraw
from stacks.messages import RequestMalformed

TEXT = st.text(min_size=1, max_size=20)
TEXTS = st.lists(st.text(max_size=20), max_size=3).map(tuple)
PLAIN = st.dictionaries(TEXT, st.one_of(TEXT, st.integers(-9, 9), st.booleans(), st.none()), max_size=3)
MESSAGES = st.one_of(
    st.builds(Publish, TEXT, TEXT, TEXT, st.none() | TEXT, TEXTS, st.floats(0, 86_400)),
    st.builds(broker.Published, TEXT, TEXT, TEXT, TEXTS, TEXT),
    st.builds(Withdraw, TEXT, TEXT, TEXT),
    st.builds(broker.ProviderQuestion, st.none() | TEXT),
    st.builds(broker.ProviderAnswer, TEXT, st.booleans(), TEXT),
    st.builds(broker.OpenCredential, TEXT, TEXT),
    st.builds(broker.OpenedFields, TEXT, st.dictionaries(TEXT, st.text(max_size=9), max_size=3)),
    st.builds(broker.ResourcesQuestion, TEXT),
    st.builds(broker.StateResource, TEXT, TEXT, PLAIN, PLAIN),
)


@contextmanager
def server(status: int, body: bytes) -> Iterator[tuple[Broker, list[dict[str, Any]]]]:
    """A broker that answers every request with the same, and the requests that it got."""
    got: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers["Content-Length"]))
            got.append(
                {"path": self.path, "bearer": self.headers["Authorization"], "body": json.loads(content)}
            )
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (the library's name)
            return

    running = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=running.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield Broker(f"http://127.0.0.1:{running.server_port}/broker", "secret-bearer"), got
    finally:
        running.shutdown()
        thread.join()
        running.server_close()


@given(MESSAGES)
def test_every_message_arrives_as_it_was_sent(message: Any) -> None:
    assert type(message).from_json(json.loads(json.dumps(message.to_json()))) == message


@given(
    st.sampled_from([Publish, Withdraw, broker.ProviderAnswer, broker.OpenedFields, broker.StateResource]),
    PLAIN,
)
def test_a_malformed_message_names_the_field_and_nothing_else(kind: Any, message: dict[str, Any]) -> None:
    with pytest.raises(RequestMalformed) as refused:
        kind.from_json(message)
    assert " must be " in str(refused.value)


def test_publishing_sends_the_contract_and_reads_the_answer() -> None:
    published = broker.Published("_acme-challenge.a.test", "v", "a.test", ("192.0.2.1:53",), "tic_1")
    with server(200, json.dumps(published.to_json()).encode()) as (client, got):
        assert client.publish(Publish("a.test", "t", "t.k", None, ("192.0.2.1:53",), 7)) == published
    assert got == [
        {
            "path": "/broker/dns/publish",
            "bearer": "Bearer secret-bearer",
            "body": {
                "provider": None,
                "identifier": "a.test",
                "token": "t",
                "keyAuthorization": "t.k",
                "nameservers": ["192.0.2.1:53"],
                "timeoutSeconds": 7,
                "timing": {},
                "held": False,
            },
        }
    ]


def test_a_refusal_is_told_with_its_own_hint() -> None:
    body = b'{"error": "not bound to dns", "hint": "tic stack bind"}'
    with server(403, body) as (client, _), pytest.raises(BrokerError, match="not bound to dns") as refused:
        client.withdraw(Withdraw("a.test", "_acme-challenge.a.test", "v"))
    assert refused.value.hint == "tic stack bind"


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'"text"'])
def test_an_answer_that_is_no_object_is_an_error_with_a_hint(body: bytes) -> None:
    with (
        server(200, body) as (client, _),
        pytest.raises(BrokerError, match="HTTP 200 and no JSON") as refused,
    ):
        client.provider(None)
    assert refused.value.hint


def test_without_a_broker_the_way_to_one_is_told() -> None:
    with pytest.raises(BrokerUnavailable, match="TIC_BROKER_URL") as refused:
        Broker.find({})
    assert "tic stack up" in refused.value.hint
    assert refused.value.exit_code == 6


def test_a_broker_that_is_gone_is_told_as_such() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(BrokerUnavailable, match="refused") as refused:
        Broker(f"http://127.0.0.1:{port}/broker", "t").resources("tic:acme/certificate:Certificate")
    assert refused.value.hint


def test_no_repr_holds_a_secret() -> None:
    """B4."""
    opened = broker.OpenedFields("acme-account", {"hmac": "canary-hmac"})
    client = Broker("http://127.0.0.1:1/broker", "canary-token")
    assert "canary" not in repr(opened) + repr(client) + repr(replace(opened, kind="other"))

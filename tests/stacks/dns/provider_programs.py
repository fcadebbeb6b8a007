"""What stands behind the exec and httpreq providers: a real program, and a real HTTP server."""

import base64
import hashlib
import http.server
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from typing import Any

from stacks.dns.record import record_name, record_value

PROGRAM = """#!{python} -I
import base64, hashlib, json, sys, urllib.request
if sys.argv[1:] == ["timeout"]:
    sys.exit("no such word")
with open({log!r}, "a") as log:
    log.write(json.dumps(sys.argv[1:]) + "\\n")
action, *words = sys.argv[1:]
words = [word for word in words if word != "--"]
if len(words) == 3:
    domain, token, key_authorization = words
    digest = hashlib.sha256(key_authorization.encode()).digest()
    name = "_acme-challenge." + domain.rstrip(".") + "."
    value = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
else:
    name, value = words
path = "/set-txt" if action == "present" else "/clear-txt"
body = json.dumps(dict(host=name, value=value)).encode()
urllib.request.urlopen(urllib.request.Request({management!r} + path, data=body), timeout=5).close()
"""

UNTIMED = 'test "$1" != timeout || exit 1'
"""A line of a shell script that knows nothing of `PROGRAM timeout`."""


def program(path: Path, text: str) -> Path:
    """An executable file that nobody else can change."""
    path.write_text(text)
    path.chmod(0o700)
    return path


def shell(path: Path, *lines: str) -> Path:
    """An executable shell script."""
    return program(path, "\n".join(["#!/bin/sh", *lines, ""]))


@dataclass(frozen=True, slots=True)
class Publishing:
    """A program that publishes at a challtestsrv and writes down what it was called with."""

    path: Path
    log: Path

    def calls(self) -> list[list[str]]:
        return [json.loads(line) for line in self.log.read_text().splitlines()]


def publishing_program(folder: Path, management_url: str) -> Publishing:
    """A program for the exec provider, in both of its modes."""
    log = folder / "calls"
    text = PROGRAM.format(python=sys.executable, log=str(log), management=management_url)
    return Publishing(program(folder / "publish", text), log)


@dataclass(slots=True)
class Webhook:
    """A running server: what it was sent, and what it holds; with `fail` it answers 500 and that text."""

    url: str
    records: dict[str, set[str]] = field(default_factory=dict)
    requests: list[tuple[str, dict[str, str], str | None]] = field(default_factory=list)
    fail: str | None = None


@contextmanager
def webhook(
    *, user: str = "", password: str = "", on_request: Callable[[str], None] | None = None
) -> Iterator[Webhook]:
    """An HTTP server as the httpreq provider wants it; with a user it insists on basic authentication."""
    expected = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode() if user else None

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            given = self.headers.get("Authorization")
            hook.requests.append((self.path, body, given))
            if on_request:
                on_request(self.path)
            if hook.fail is not None:
                self._say(500, hook.fail.replace("AUTHORIZATION", given or ""))
            elif given != expected:
                self._say(401, "who are you?")
            else:
                self._publish(body)
                self._say(200, "")

        def _publish(self, body: dict[str, str]) -> None:
            if "keyAuth" in body:
                name, value = record_name(body["domain"]), record_value(body["keyAuth"])
            else:
                name, value = body["fqdn"].rstrip("."), body["value"]
            values = hook.records.setdefault(name, set())
            (values.add if self.path == "/present" else values.discard)(value)

        def _say(self, code: int, text: str) -> None:
            self.send_response(code)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        hook = Webhook(f"http://127.0.0.1:{server.server_port}")
        thread = Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield hook
        finally:
            server.shutdown()
            thread.join()


def value_of(key_authorization: str) -> str:
    """The TXT value, computed apart from the code under test."""
    digest = hashlib.sha256(key_authorization.encode()).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")

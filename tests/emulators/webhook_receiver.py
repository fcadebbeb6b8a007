"""A receiver of signed messages: it looks at signature and time with Standard Webhooks' own library.

It takes each message once, by its id, and keeps what came.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks import Webhook, WebhookVerificationError

from tests.emulators.proxy import Request, Response


@dataclass(slots=True)
class Receiver:
    """`events` by id, in the order in which they came first; `seen` are the ids of all that was verified.

    `answers` are given instead of taking a message, one for each; None hangs up.
    """

    secret: str = field(repr=False)
    path: str = "/certificates"
    events: dict[str, dict[str, Any]] = field(default_factory=dict)
    seen: list[str] = field(default_factory=list)
    answers: list[Response | None] = field(default_factory=list)

    def __call__(self, request: Request) -> Response:
        """What it answers."""
        if self.answers:
            if (answer := self.answers.pop(0)) is None:
                raise ConnectionResetError
            return answer
        if (request.method, request.path) != ("POST", self.path):
            return Response(404)
        if request.headers.get("content-type") != "application/json":
            return Response(415)
        try:
            event = Webhook(self.secret).verify(request.body, dict(request.headers))
        except WebhookVerificationError as error:
            return Response(401, {"content-type": "text/plain"}, str(error).encode())
        id_ = request.headers["webhook-id"]
        self.seen.append(id_)
        self.events.setdefault(id_, event)
        return Response(204)

    @property
    def told(self) -> list[tuple[str, str]]:
        """The type and the serial of each event."""
        return [(each["type"], each["data"]["serial"]) for each in self.events.values()]


@contextmanager
def listening(receiver: Receiver) -> Iterator[str]:
    """The receiver by itself on loopback, over HTTP; yields its URL."""

    class Connection(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            body = self.rfile.read(int(headers["content-length"]))
            answer = receiver(Request("POST", "127.0.0.1", self.path, "", headers, body))
            self.send_response(answer.status)
            self.send_header("content-length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (the library's name)
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Connection) as server:
        serving = threading.Thread(target=server.serve_forever, args=(0.01,))
        serving.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}{receiver.path}"
        finally:
            server.shutdown()
            serving.join()

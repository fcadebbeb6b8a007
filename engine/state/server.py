"""The state service over HTTP on loopback, in a thread of this process."""

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import ASGIApp


@contextmanager
def serve(make: "Callable[[], ASGIApp]", *, port: int = 0) -> Iterator[str]:
    """Serve what `make` makes on 127.0.0.1 while the block runs; yields its URL. Port 0: one that is free.

    The socket listens when the block begins, so a call made at once is answered. `make` runs in the
    server's thread: the caller goes on while the app and its server are imported. Where it fails, calls are
    refused, and its exception is raised when the block is left. Calls in flight get a few seconds then, and
    nothing is served afterwards.
    """
    # With its protocol named, asyncio sends each answer at once. Without, the kernel holds the second half of
    # an answer back for 40 ms until the first is acknowledged (Nagle's algorithm, delayed acknowledgement).
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.bind(("127.0.0.1", port))
        listener.listen(128)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        thread = _Serving(make, listener)
        thread.start()
        try:
            yield url
        finally:
            thread.stop()
    if thread.failure is not None:
        raise thread.failure


class _Serving(threading.Thread):
    """The thread that makes the app and serves it until it is told to stop."""

    def __init__(self, make: "Callable[[], ASGIApp]", listener: socket.socket) -> None:
        super().__init__(name="tic-state", daemon=True)
        self.failure: Exception | None = None
        self._make = make
        self._listener = listener
        self._loop = asyncio.new_event_loop()
        self._told_to_stop = asyncio.Event()

    def run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            try:
                from engine.state.listening import Server

                server = Server(self._make(), self._told_to_stop)
            except Exception as failure:
                self.failure = failure
                self._listener.close()
            else:
                runner.run(server.serve([self._listener]))

    def stop(self) -> None:
        with suppress(RuntimeError):  # its loop is closed: it could not make the app
            self._loop.call_soon_threadsafe(self._told_to_stop.set)
        self.join()

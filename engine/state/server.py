"""The state service over HTTP, in a thread of this process; by default on loopback."""

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from engine.state.listening import Manner

LOOPBACK = "127.0.0.1"


@contextmanager
def serve(make: "Callable[[], ASGIApp]") -> Iterator[str]:
    """Serve what `make` makes on a free port of 127.0.0.1 while the block runs; yields its URL.

    The socket listens when the block begins, so a call made at once is answered.
    """
    with listening(socket.AF_INET, (LOOPBACK, 0)) as listener:
        url = f"http://{LOOPBACK}:{listener.getsockname()[1]}"
        with serving(make, listener):
            yield url


def listening(family: socket.AddressFamily, address: tuple[str, int]) -> socket.socket:
    """A socket that listens there; raises OSError. An IPv6 address for every host takes IPv4 as well."""
    # With its protocol named, asyncio sends each answer at once. Without, the kernel holds the second half of
    # an answer back for 40 ms until the first is acknowledged (Nagle's algorithm, delayed acknowledgement).
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if address[1]:  # a server that is started anew gets the port although old connections linger
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        listener.bind(address)
        listener.listen(128)
    except BaseException:
        listener.close()
        raise
    return listener


@contextmanager
def serving(
    make: "Callable[[], ASGIApp]", listener: socket.socket, manner: "Manner | None" = None
) -> Iterator[Callable[[], bool]]:
    """Serve what `make` makes while the block runs; what is yielded tells whether it still goes on.

    `make` runs in the server's thread: the caller goes on while the app and its server are imported. Where it
    fails, calls are refused, and its exception is raised when the block is left. Calls in flight get a few
    seconds then, and nothing is served afterwards.
    """
    thread = _Serving(make, listener, manner)
    thread.start()
    try:
        yield thread.is_alive
    finally:
        thread.stop()
    if thread.failure is not None:
        raise thread.failure


class _Serving(threading.Thread):
    """The thread that makes the app and serves it until it is told to stop."""

    def __init__(
        self, make: "Callable[[], ASGIApp]", listener: socket.socket, manner: "Manner | None"
    ) -> None:
        super().__init__(name="tic-state", daemon=True)
        self.failure: Exception | None = None
        self._make = make
        self._listener = listener
        self._manner = manner
        self._loop = asyncio.new_event_loop()
        self._told_to_stop = asyncio.Event()

    def run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            try:
                from engine.state.listening import Manner, Server

                server = Server(self._make(), self._told_to_stop, self._manner or Manner())
            except Exception as failure:
                self.failure = failure
                self._listener.close()
            else:
                runner.run(server.serve([self._listener]))

    def stop(self) -> None:
        with suppress(RuntimeError):  # its loop is closed: it could not make the app
            self._loop.call_soon_threadsafe(self._told_to_stop.set)
        self.join()

"""A load balancer as small as one can be: each connection goes to the next server that takes it."""

import itertools
import selectors
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

LOOPBACK = "127.0.0.1"
PATIENCE_SECONDS = 60


@dataclass
class Balancer:
    """`port` leads to the servers on `behind`, in turn; that may change while it runs.

    With `tls`, it ends TLS itself, and speaks in the clear to what is behind it.
    """

    port: int
    behind: Sequence[int]
    tls: ssl.SSLContext | None = None

    def take(self, listener: socket.socket) -> None:
        """Take connections until the listener is closed."""
        turns = itertools.count()
        with suppress(OSError):
            while True:
                caller, _ = listener.accept()
                threading.Thread(target=self._hand_on, args=(caller, next(turns)), daemon=True).start()

    def _hand_on(self, plain: socket.socket, turn: int) -> None:
        with suppress(OSError), plain:
            caller = plain if self.tls is None else self.tls.wrap_socket(plain, server_side=True)
            with caller, self._server(turn) as server:
                _exchange(caller, server)

    def _server(self, turn: int) -> socket.socket:
        """A connection to the server whose turn it is, or to the next; while none is there, it waits."""
        end = time.monotonic() + PATIENCE_SECONDS
        while True:
            for port in (*self.behind[turn % len(self.behind) :], *self.behind):
                with suppress(ConnectionRefusedError):
                    return socket.create_connection((LOOPBACK, port))
            if time.monotonic() > end:
                raise TimeoutError
            time.sleep(0.05)


@contextmanager
def balanced(*behind: int, tls: ssl.SSLContext | None = None) -> Iterator[Balancer]:
    """A balancer in front of these ports while the block runs."""
    with socket.create_server((LOOPBACK, 0)) as listener:
        made = Balancer(listener.getsockname()[1], behind, tls)
        threading.Thread(target=made.take, args=(listener,), daemon=True).start()
        yield made
        listener.shutdown(socket.SHUT_RDWR)


def _exchange(one: socket.socket, other: socket.socket) -> None:
    """Carry what either says to the other, until one of them has nothing more to say."""
    with selectors.DefaultSelector() as waiting:
        waiting.register(one, selectors.EVENT_READ, other)
        waiting.register(other, selectors.EVENT_READ, one)
        while True:
            for key, _ in waiting.select():
                said = key.fileobj.recv(65536)  # type: ignore[union-attr]
                while isinstance(key.fileobj, ssl.SSLSocket) and key.fileobj.pending():
                    said += key.fileobj.recv(65536)
                if not said:
                    return
                key.data.sendall(said)

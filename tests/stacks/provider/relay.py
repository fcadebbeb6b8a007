"""A way to a server that loses answers: the request arrives, then the connection breaks."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

CHUNK = 65_536


@dataclass(slots=True)
class Relay:
    """`losing(size)` is asked of each piece that a client sends; True loses the answer, `most` times."""

    port: int = 0
    losing: Callable[[int], bool] = lambda _size: False
    lost: int = 0
    most: int = 1
    clients: list[socket.socket] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def loses(self, size: int) -> bool:
        with self._lock:
            if self.lost >= self.most or not self.losing(size):
                return False
            self.lost += 1
            return True


@contextmanager
def relay(port: int, at: int = 0) -> Iterator[Relay]:
    """Relay to `port` of this machine, from the port `at` (0: any that is free)."""
    door = socket.create_server(("127.0.0.1", at))
    made = Relay(door.getsockname()[1])
    threads: list[threading.Thread] = []

    def serve() -> None:
        with suppress(OSError):
            while True:
                client, _ = door.accept()
                made.clients.append(client)
                thread = threading.Thread(target=_carry, args=(made, client, port))
                thread.start()
                threads.append(thread)

    waiter = threading.Thread(target=serve)
    waiter.start()
    try:
        yield made
    finally:
        with suppress(OSError):
            door.shutdown(socket.SHUT_RDWR)
        door.close()
        waiter.join()
        for client in made.clients:
            with suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)
        for each in threads:
            each.join()


def _carry(made: Relay, client: socket.socket, port: int) -> None:
    with client, socket.create_connection(("127.0.0.1", port)) as server:
        for each in (client, server):
            each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        answers = threading.Thread(target=_back, args=(server, client))
        answers.start()
        with suppress(OSError):
            while data := client.recv(CHUNK):
                if made.loses(len(data)):
                    client.shutdown(socket.SHUT_RDWR)
                    server.sendall(data)
                    break
                server.sendall(data)
        with suppress(OSError):
            server.shutdown(socket.SHUT_WR)
        answers.join()


def _back(server: socket.socket, client: socket.socket) -> None:
    with suppress(OSError):
        while data := server.recv(CHUNK):
            client.sendall(data)
    with suppress(OSError):
        client.shutdown(socket.SHUT_RDWR)

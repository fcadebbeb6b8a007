"""TLS servers of the tests' own on loopback: with TLS at once, or behind the greetings of SMTP and IMAP."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

Talk = Callable[[socket.socket], bool]
"""What is said in the clear before TLS; whether TLS follows."""


def at_once(_: socket.socket) -> bool:
    """TLS from the first byte."""
    return True


def smtp(raw: socket.socket, offers: bytes = b"250-STARTTLS\r\n") -> bool:
    """A mail server (RFC 3207)."""
    lines = raw.makefile("rb")
    raw.sendall(b"220-mx.example.test\r\n220 ready\r\n")
    assert lines.readline().startswith(b"EHLO ")
    raw.sendall(b"250-mx.example.test\r\n" + offers + b"250 8BITMIME\r\n")
    if lines.readline() != b"STARTTLS\r\n":
        return False
    raw.sendall(b"220 go ahead\r\n")
    return True


def imap(raw: socket.socket, answer: bytes = b"OK begin") -> bool:
    """A mailbox server (RFC 9051 6.2.1)."""
    lines = raw.makefile("rb")
    raw.sendall(b"* OK [CAPABILITY IMAP4rev2 STARTTLS] ready\r\n")
    tag = lines.readline().split(b" ")[0]
    raw.sendall(b"* CAPABILITY IMAP4rev2\r\n" + tag + b" " + answer + b"\r\n")
    return answer.startswith(b"OK")


@contextmanager
def serving(
    certificate: Callable[[], tuple[Path, Path]], talk: Talk = at_once, host: str = "127.0.0.1"
) -> Iterator[int]:
    """A server's port; the files of chain and key are read anew for each connection."""
    ended = threading.Event()
    with socket.create_server((host, 0), family=socket.AF_INET6 if ":" in host else socket.AF_INET) as server:
        server.settimeout(0.05)

        def serve() -> None:
            while not ended.is_set():
                with suppress(OSError, AssertionError):
                    raw, _ = server.accept()
                    with raw:
                        raw.settimeout(5)
                        if talk(raw):
                            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                            chain, key = certificate()
                            context.load_cert_chain(chain, key)
                            with context.wrap_socket(raw, server_side=True) as secured:
                                secured.recv(1)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            ended.set()
            thread.join()

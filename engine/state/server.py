"""The state service over HTTP on loopback, in a thread of this process."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp

STOP_SECONDS = 5  # how long calls in flight may take when the server stops


@contextmanager
def serve(app: ASGIApp, *, port: int = 0) -> Iterator[str]:
    """Serve `app` on 127.0.0.1 while the block runs; yields its URL. Port 0: one that is free.

    The socket listens when the block begins, so a call made at once is answered. When the block is left,
    calls in flight get STOP_SECONDS, and nothing is served afterwards.
    """
    # With its protocol named, asyncio sends each answer at once. Without, the kernel holds the second half of
    # an answer back for 40 ms until the first is acknowledged (Nagle's algorithm, delayed acknowledgement).
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.bind(("127.0.0.1", port))
        listener.listen(128)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        loop = asyncio.new_event_loop()
        server = _Server(app)
        thread = threading.Thread(target=_run, args=(loop, server, listener), name="tic-state", daemon=True)
        thread.start()
        try:
            yield url
        finally:
            loop.call_soon_threadsafe(server.told_to_stop.set)
            thread.join()


def _run(loop: asyncio.AbstractEventLoop, server: "_Server", listener: socket.socket) -> None:
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.run(server.serve([listener]))


class _Server(uvicorn.Server):
    """uvicorn's server, but it stops when it is told to and not at the next tenth of a second."""

    def __init__(self, app: ASGIApp) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http="httptools",
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                date_header=False,
            )
        )
        self.told_to_stop = asyncio.Event()

    async def main_loop(self) -> None:
        await self.on_tick(0)
        await self.told_to_stop.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        if self.server_state.tasks:
            await asyncio.wait(self.server_state.tasks, timeout=STOP_SECONDS)

"""uvicorn as the state service runs it: no log, and a stop that nobody waits for."""

import asyncio
import socket

import uvicorn
from starlette.types import ASGIApp

STOP_SECONDS = 5  # how long calls in flight may take when the server stops


class Server(uvicorn.Server):
    """uvicorn's server, but it stops when it is told to and not at the next tenth of a second."""

    def __init__(self, app: ASGIApp, told_to_stop: asyncio.Event) -> None:
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
        self._told_to_stop = told_to_stop

    async def main_loop(self) -> None:
        """Serve until told to stop."""
        await self.on_tick(0)
        await self._told_to_stop.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let the calls in flight end, and close every connection."""
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        if self.server_state.tasks:
            await asyncio.wait(self.server_state.tasks, timeout=STOP_SECONDS)

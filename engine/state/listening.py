"""uvicorn as the state service runs it: no log, a stop that nobody waits for, limits for strangers."""

import asyncio
import socket
import ssl
from dataclasses import dataclass, field
from typing import Final

import uvicorn
from starlette.types import ASGIApp

from engine.state.impatience import Impatient

STOP_SECONDS: Final = 5  # how long calls in flight may take when the server stops
_KEPT_OPEN_SECONDS: Final = 120  # more than the 90 s of Go's clients: who closes first loses no call
_MOST_CONNECTIONS: Final = 800  # below the 1024 files that a process may usually have open


@dataclass(frozen=True, slots=True)
class Manner:
    """How a server meets its callers; by default they are the processes of one run.

    `strangers`: anybody may connect, so whoever keeps it waiting is left. `behind_proxy`: callers come
    through a proxy of this machine that names their addresses (X-Forwarded-For).
    """

    tls: ssl.SSLContext | None = field(default=None, repr=False)
    strangers: bool = False
    behind_proxy: bool = False


class Server(uvicorn.Server):
    """uvicorn's server, but it stops when it is told to and not at the next tenth of a second."""

    def __init__(self, app: ASGIApp, told_to_stop: asyncio.Event, manner: Manner) -> None:
        config = uvicorn.Config(
            app,
            http=Impatient if manner.strangers else "httptools",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=False,
            proxy_headers=manner.behind_proxy,
            forwarded_allow_ips=["127.0.0.1", "::1"],
            timeout_keep_alive=_KEPT_OPEN_SECONDS if manner.strangers else 5,
            limit_concurrency=_MOST_CONNECTIONS if manner.strangers else None,
        )
        config.load()
        config.ssl = manner.tls
        super().__init__(config)
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

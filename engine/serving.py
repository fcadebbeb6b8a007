"""The state service on its own, for the stock Pulumi CLI on this machine."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engine.actor import user_name
from engine.errors import EngineError

if TYPE_CHECKING:
    from engine.installation import Installation


class PortTaken(EngineError):
    """The port that was asked for can't be listened on."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class Serving:
    """Where the service answers, and the token that opens every stack of this home while it does."""

    url: str
    access_token: str = field(repr=False)

    def wait(self) -> None:
        """Serve until interrupted."""
        threading.Event().wait()


@contextmanager
def serving(installation: "Installation", port: int) -> Iterator[Serving]:
    """Serve the home's stacks on 127.0.0.1 (port 0: one that is free). Raises PortTaken."""
    from engine.removal import removing
    from engine.state.app import app
    from engine.state.server import serve
    from engine.state.service import Access, StateService

    service = StateService(installation.database, installation.vault, removing=removing(installation.vault))
    token = service.admit(Access(user=user_name()))
    try:
        with serve(lambda: app(service), port=port) as url:
            yield Serving(url, token)
    except OSError as error:
        raise PortTaken(
            f"port {port} of 127.0.0.1 can't be used: {error.strerror}",
            hint="choose another: tic serve --port N",
        ) from error
    finally:
        service.dismiss(token)

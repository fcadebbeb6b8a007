"""The plugin's side of a run's broker: over HTTP, as the plugin asks it."""

from collections.abc import Iterator
from contextlib import contextmanager

from starlette.applications import Starlette

from engine.broker import Broker, broker_app
from engine.state.server import serve
from stacks.broker import Broker as Client
from stacks.broker import Withdraw
from tests.engine.dns_world import NAME, value


@contextmanager
def asked(broker: Broker) -> Iterator[Client]:
    """The plugin's side of a broker that is mounted beside other routes, as in a run."""
    app = Starlette()
    app.mount("/broker", broker_app(broker))
    with serve(lambda: app) as url:
        yield Client(f"{url}/broker", broker.token)


def withdrawal(token: str = "one") -> Withdraw:  # noqa: S107
    """Of the record that `publish(token)` publishes."""
    return Withdraw("example.test", NAME, value(token))

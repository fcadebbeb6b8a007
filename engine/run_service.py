"""What the processes of a run reach while it lasts: state service and broker, on one loopback address."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from credentials import slots
from engine import bindings, delivery, environment, events, role_delivery
from engine.actor import user_name
from engine.freeing import freeing
from engine.removal import removing
from engine.turn import run_folder

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from credentials.scopes import Place
    from credentials.secret import SecretBytes
    from engine.following import Listener
    from engine.installation import Installation
    from engine.operation import Operation, Outcome
    from engine.state.sieve import Sieve
    from engine.state.stacks import Stack


@dataclass(frozen=True, slots=True)
class Served:
    """What the run's processes reach: the state service and the broker on one loopback address."""

    url: str
    pulumi_home: Path
    access_token: str
    broker_token: str
    variables: "Mapping[str, SecretBytes]"
    files: Mapping[str, str]
    closed: Mapping[str, str]
    sieve: "Sieve"
    close: Callable[[], list[events.Notice]]

    def environment(self, private: Path) -> dict[str, str]:
        """What the engine gets beside the allow-list; `private` is a folder that is gone after the run."""
        secret = {name: value.reveal().decode() for name, value in self.variables.items()}
        return {
            **self.closed,
            **secret,
            **self.files,
            "PULUMI_HOME": str(self.pulumi_home),
            "PULUMI_BACKEND_URL": self.url,
            "PULUMI_ACCESS_TOKEN": self.access_token,
            "PULUMI_CREDENTIALS_PATH": str(private),
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DEBUG_COMMANDS": "true",  # what shows --event-log, as the Automation API sets it
            "PULUMI_JOURNALING_BATCH_PERIOD": "10",  # milliseconds; by default each step waits up to 50
            "TIC_BROKER_URL": f"{self.url}/broker",
            "TIC_BROKER_TOKEN": self.broker_token,
        }


@contextmanager
def serving(
    installation: "Installation",
    stack: "Stack",
    bound: Sequence[bindings.Binding],
    here: "Place",
    private: Path,
    outcome: "Outcome",
    operation: "Operation",
    listen: "Listener",
) -> Iterator[Served]:
    """Open what the run is bound to, and serve state and broker while the block runs.

    What is opened is learned by the sieve before anybody gets it. Raises what opening a credential raises.
    """
    from credentials.delivery import for_stack
    from credentials.fallbacks import closed
    from engine.broker import Broker
    from engine.leases import lessee
    from engine.state.server import serve
    from engine.state.service import Access, StateService
    from engine.state.sieve import Sieve

    database, vault, sieve = installation.database, installation.vault, Sieve()
    tokens = bindings.tokens(bound)
    service = StateService(database, vault, removing=removing(vault), freeing=freeing(vault))

    def make() -> "ASGIApp":
        from engine.broker_app import broker_app
        from engine.state.app import app

        web = app(service)
        web.mount("/broker", broker_app(broker))
        return web

    with lessee(vault, place=here, stack=stack.full_name, learn=sieve.add) as mine:
        purpose = f"{operation.kind} {stack.full_name}"
        opened = {key: mine.opened(token, purpose) for key, token in tokens.items()}
        handed = for_stack([(slots.parts(key)[1], each) for key, each in opened.items()])
        by_machine = {slots.parts(key)[0] for key, each in opened.items() if "identity" in each.fields}
        shut = closed(
            environment.nowhere(run_folder(installation.home)), passed=operation.passed, by_machine=by_machine
        )
        broker = Broker(database, mine, stack, tokens, tell=listen)
        access = service.admit(
            Access(user=user_name(), stack_id=stack.id, sieve=sieve, on_caught=outcome.caught.append)
        )
        sieve.add([access.encode(), broker.token.encode()])  # what they open ends with the run, at best
        try:
            with (
                delivery.run_files(installation.home, private, stack.id, handed.files) as files,
                serve(make) as url,
            ):
                for provider in role_delivery.served_by_role(tokens):
                    if notice := role_delivery.warning(provider, mine.sessions):
                        listen(notice)
                given = role_delivery.variables(
                    tokens, handed.variables, broker_url=f"{url}/broker", broker_token=broker.token
                )
                pulumi = installation.home.pulumi
                yield Served(url, pulumi, access, broker.token, given, files, shut, sieve, broker.close)
        finally:
            broker.close()
            service.dismiss(access)

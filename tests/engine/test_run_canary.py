"""C2, B5: a secret that a run meets while it is under way is kept out of its state and its events, too."""

import base64
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.applications import Starlette

from engine.broker import broker_app
from engine.state.app import app
from engine.state.residue import Residue
from engine.state.server import serve
from engine.state.service import Access, StateService
from engine.state.sieve import Sieve
from stacks.broker import Broker as Plugin
from tests.engine.dns_world import DnsWorld, dns_world
from tests.engine.state.client import Client, created
from tests.engine.state.test_door import stored


@pytest.fixture
def world(tmp_path: Path) -> Iterator[DnsWorld]:
    made = dns_world(tmp_path)
    yield made
    made.database.close()


def test_what_the_broker_opens_in_a_run_is_sealed_at_the_door_of_the_state(world: DnsWorld) -> None:
    first, second, other = (f"canary-{secrets.token_hex(12)}" for _ in range(3))
    world.bind("username-password", {"username": "me", "password": first}, name="login")
    world.bind(
        "acme-account", {"kid": "key-1", "hmac": base64.urlsafe_b64encode(other.encode()).decode()}, name="ca"
    )
    sieve, caught, service = Sieve(), list[Residue](), StateService(world.database, world.vault)
    access = service.admit(Access("run", sieve=sieve, on_caught=caught.append))
    with world.run(sieve=sieve) as broker:

        def both() -> Starlette:
            web = app(service)
            web.mount("/broker", broker_app(broker))
            return web

        with serve(both) as url:
            engine, plugin = Client(url, access), Plugin(f"{url}/broker", broker.token)
            engine.make_stack()
            path, lease = engine.begin()
            plugin.open_credential("login", purpose="a login")
            world.vault.rotate("login", {"username": "me", "password": second})
            opened = [
                plugin.open_credential("login", purpose="a login").fields["password"],
                plugin.open_credential("ca", purpose="external account binding").fields["hmac"],
            ]
            assert opened[0] == second
            for number, value in enumerate([first, *opened], 1):
                entry = created(number, f"thing{number}", inputs={"key": value}, outputs={"copy": [value]})
                event = {"sequence": number, "diagnosticEvent": {"message": f"failed with {value}"}}
                journal = {"entries": [entry]}
                assert engine("PATCH", f"{path}/journalentries", journal, lease=lease).code == 200
                assert engine("POST", f"{path}/events/batch", {"events": [event]}, lease=lease).code == 200
                assert sieve.redact(f"a line that says {value}") == "a line that says [secret]"
            assert engine("POST", f"{path}/complete", {"status": "succeeded"}, lease=lease).code == 200
    kept = stored(world.database)
    for value in (first, *opened):
        assert value.encode() not in kept
        assert base64.b64encode(value.encode()) not in kept
    assert {residue.path for residue in caught if residue.sealed} >= {"inputs.key", "outputs.copy[0]"}
    assert len([residue for residue in caught if residue.path == "inputs.key"]) == 3

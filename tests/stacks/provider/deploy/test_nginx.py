"""A real nginx serves what was put into a folder, here or over SSH; its reload turns nobody away."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stacks.broker import OpenedFields
from stacks.errors import StackError
from stacks.provider.deploy.directory import Directory
from stacks.provider.deploy.endpoint import Endpoint
from stacks.provider.deploy.host import Host
from stacks.provider.resource import ResourceType, Unfinished
from stacks.provider.run import Operation, Run
from tests.servers.nginx import Nginx, nginx
from tests.servers.openssh import openssh
from tests.servers.visitors import visited
from tests.stacks.provider.acme.chains import Chain, chain
from tests.stacks.provider.broker_server import BrokerServer
from tests.stacks.provider.driver import Ear, State

pytestmark = pytest.mark.server

NAME = "a.test"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the certificate goes; one that somebody made is there, as nginx does not begin without."""
    made = tmp_path / "certificates"
    made.mkdir()
    first = chain(NAME, serial=1)
    (made / "fullchain.pem").write_text(first.certificate + first.intermediate)
    (made / "privkey.pem").write_text(first.key)
    return made


@pytest.fixture
def web(tmp_path: Path, folder: Path) -> Iterator[Nginx]:
    with nginx(tmp_path, folder) as server:
        yield server


class Stack:
    """A deployment with nginx's reload as its command, and the endpoint that depends on it."""

    def __init__(self, target: ResourceType, broker: BrokerServer, web: Nginx, more: State) -> None:
        self.target, self.broker, self.web = target, broker, web
        self.more = {"command": list(web.reload), **more}
        self.endpoint = Endpoint()
        self.state: State | None = None

    def operation(self) -> Operation:
        return Operation.begin(Run(dict(self.broker.environment), Ear()), "urn:pulumi:dev::p::t::site")

    def up(self, made: Chain) -> State:
        """Deploy, then wait until it is served; gives what the endpoint found."""
        given = {"certificatePem": made.certificate, "chainPem": made.intermediate}
        inputs = checked(self.target, {**given, "privateKeyPem": made.key, **self.more})
        if self.state is None:
            outputs = self.target.create(self.operation(), inputs).outputs
        else:
            outputs = self.target.update(self.operation(), self.state, inputs)
        self.state = {**inputs, **outputs}
        place = f"127.0.0.1:{self.web.port}?sni={NAME}"
        endpoint = checked(self.endpoint, {**given, "address": place, "timeoutSeconds": 20})
        return self.endpoint.create(self.operation(), endpoint).outputs


def checked(resource: ResourceType, given: State) -> State:
    found = resource.check(given)
    assert found.failures == []
    return found.inputs


@pytest.fixture(params=["here", "over SSH"])
def stack(
    request: pytest.FixtureRequest, tmp_path: Path, folder: Path, web: Nginx, broker: BrokerServer
) -> Iterator[Stack]:
    if request.param == "here":
        yield Stack(Directory(), broker, web, {"path": str(folder)})
        return
    there = tmp_path / "sshd"
    there.mkdir()
    with openssh(there) as sshd:
        broker.credentials["ssh"] = OpenedFields("ssh", {"username": sshd.user, "private-key": sshd.key})
        where: dict[str, Any] = {"host": "127.0.0.1", "port": sshd.port, "hostKeys": [sshd.host_key]}
        yield Stack(Host(), broker, web, {"path": str(folder), **where})


def test_each_renewal_is_served_and_nobody_is_turned_away(stack: Stack) -> None:
    """E2, E3."""
    with visited(stack.web.port, NAME) as visitors:
        visitors.wait_for("1")
        for number, serial in enumerate((0x20, 0x21, 0x22), 1):
            found = stack.up(chain(NAME, serial=serial, key_type="rsa2048" if number == 2 else "ec256"))
            assert (found["serial"], found["addresses"]) == (f"{serial:x}", ["127.0.0.1"])
            visitors.wait_for(f"{serial:x}")
            assert stack.web.reloads == number
    assert visitors.failures == []
    assert set(visitors.serials) == {"1", "20", "21", "22"}


def test_a_reload_that_nginx_refuses_serves_the_old_one_and_is_told(stack: Stack) -> None:
    """The certificate is in the folder; nginx says what is wrong with its settings."""
    stack.up(chain(NAME, serial=0x20))
    settings = stack.web.folder / "nginx.conf"
    right = settings.read_text()
    settings.write_text(right.replace("location / {", "locution / {"))
    with visited(stack.web.port, NAME) as visitors:
        with pytest.raises(Unfinished, match=r"the certificate is (in|at) ") as failed:
            stack.up(chain(NAME, serial=0x21))
        assert 'unknown directive "locution"' in str(failed.value)
        assert isinstance(failed.value, StackError)
        settings.write_text(right)
        stack.up(chain(NAME, serial=0x22))
        visitors.wait_for("22")
    assert visitors.failures == []
    assert set(visitors.serials) <= {"20", "22"}

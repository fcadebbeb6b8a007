"""The world of stacks that are bound to clouds, with a CA that looks at what those clouds have."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.bound.conftest import bound as bound
from tests.e2e.bound.world import DOMAIN, World
from tests.e2e.clouds.world import name_server
from tests.servers.pebble import Pebble, pebble
from tests.stacks.dns.answering import Answering


@dataclass(frozen=True, slots=True)
class Scene:
    """`tic` between two clouds, the name server that has what they have, and the CA that asks it.

    Names in `hidden` are in the cloud, and not at the name server yet.
    """

    world: World
    names: Answering
    ca: Pebble
    hidden: list[str] = field(default_factory=list)

    def values(self) -> dict[str, list[str]]:
        """Every TXT record that a cloud has now, by full name."""
        found: dict[str, list[str]] = {}
        for one in self.world.ali.products.records.values():
            if one["Type"] == "TXT":
                found.setdefault(f"{one['RR']}.{one['DomainName']}", []).append(one["Value"])
        for one in self.world.tencent.products.records.values():
            if one["RecordType"] == "TXT":
                found.setdefault(f"{one['SubDomain']}.{one['Domain']}", []).append(one["Value"])
        return found

    def program(self, **settings: Any) -> None:
        """The project's program: one certificate."""
        self.world.program(
            "from pathlib import Path\n"
            "import pulumi\n"
            "from stacks.resources import IssuedCertificate\n"
            f"certificate = IssuedCertificate('site', directory_url={self.ca.directory_url!r},\n"
            f"    ca_certificates=Path({str(self.ca.ca_file)!r}).read_text(),\n"
            f"    nameservers=[{self.names.address!r}], **{settings!r})\n"
            "pulumi.export('serial', certificate.serial)\n"
        )

    def resources(self, kind: str) -> list[Mapping[str, Any]]:
        """The stack's resources of this type."""
        shown = self.world.json("stack", "show", "site/dev")["resources"]
        return [each for each in shown if each["type"] == kind]


@dataclass(slots=True)
class Sky:
    """The name server and the CA; it has what the clouds of `scene` have, once there is one."""

    names: Answering
    ca: Pebble
    scenes: list[Scene]


@pytest.fixture
def sky(tmp_path: Path) -> Iterator[Sky]:
    """Started while the home is still the user's."""
    scenes: list[Scene] = []

    def store() -> dict[str, list[str]]:
        values = scenes[0].values() if scenes else {}
        return {name: each for name, each in values.items() if name not in scenes[0].hidden}

    with (
        name_server(store, (DOMAIN,)) as names,
        pebble(tmp_path, dns=names.address, reuse_authorizations=0) as ca,
    ):
        yield Sky(names, ca, scenes)


@pytest.fixture
def scene(sky: Sky, bound: World) -> Scene:
    """Both clouds serve `DOMAIN`, and have no record yet."""
    made = Scene(bound, sky.names, sky.ca)
    sky.scenes.append(made)
    return made

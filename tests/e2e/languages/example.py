"""A copy of one of the examples, in a world with BIND and Pebble."""

from dataclasses import dataclass
from pathlib import Path

from tests.e2e.command import Tic, setting
from tests.servers.bind import Bind
from tests.servers.pebble import Pebble

EXAMPLES = Path(__file__).parents[3] / "examples"


@dataclass(frozen=True, slots=True)
class Example:
    """A copy of one example; `tic` stands in it. `endpoint` serves what is in `folder`, as it is there."""

    tic: Tic
    ca: Pebble
    bind: Bind
    folder: Path
    endpoint: str

    def new_stack(self, *settings: str) -> None:
        """The stack `dev`, bound to the credential that publishes."""
        self.tic(
            "stack", "new", "dev", "--provider", "rfc2136",
            *setting("domains", ["site.example.test", "*.site.example.test"]),
            *setting("directory", self.ca.directory_url),
            *setting("caFile", str(self.ca.ca_file)),
            *setting("nameservers", [self.bind.address]),
            *setting("endpoint", self.endpoint),
            *settings,
        )  # fmt: skip

    def outputs(self) -> dict[str, str]:
        """What the stack exports."""
        given = self.tic("stack", "outputs", "dev", "--json").json()
        assert isinstance(given, dict)
        return given

"""The world that most ways through the system need."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.world import World, world
from tests.servers.bind import Bind, TsigKey
from tests.servers.pebble import Pebble


@pytest.fixture
def site(tmp_path: Path, own_bind: Bind, own_pebble: Pebble, tsig_key: TsigKey) -> Iterator[World]:
    """A vault with a credential, and the stack `site`, never run."""
    with world(tmp_path, own_bind, own_pebble, tsig_key) as made:
        made.new_credential()
        made.new_stack()
        yield made

"""Stack references: a program reads another stack's outputs; in a run of tic only where that was shared."""

import json

import pytest

from tests.e2e.stock.conftest import Served
from tests.e2e.stock.stock import Stock, secret

pytestmark = pytest.mark.server
CANARY = "canary-of-the-other-stack"


def reads(stock: Stock, source: str) -> None:
    """Make the program one that passes the outputs of `source` on."""
    reference = {"type": "pulumi:pulumi:StackReference", "properties": {"name": source}}
    outputs = {name: f'${{other.outputs["{name}"]}}' for name in ("plain", "hidden")}
    stock.write({"other": reference}, outputs)


@pytest.fixture
def source(shop: Stock) -> str:
    """A stack with a plain and a secret output; returns its full name."""
    shop("config", "set", "--secret", "of-the-configuration", "never-shared")
    shop.up(outputs={"plain": "text", "hidden": secret([CANARY])})
    return f"{shop.project}/dev"


def test_the_stock_cli_reads_the_outputs_of_another_stack(served: Served, source: str) -> None:
    reader = served.project("web")
    reader("stack", "init", "prod")
    reads(reader, f"tic/{source}")
    reader("up", "--yes", "--skip-preview")
    assert reader.json("stack", "output", "--show-secrets") == {"plain": "text", "hidden": [CANARY]}
    assert CANARY not in json.dumps(reader.deployment("prod"))
    reads(reader, "tic/none/such")
    assert 'unknown stack "tic/none/such"' in reader("up", "--yes", "--skip-preview", code=1).text


def test_a_run_of_tic_reads_a_stack_that_is_shared_with_it_and_no_other(served: Served, source: str) -> None:
    """C2: what another stack knows is not the run's to read, until a person says so."""
    reader, tic = served.project("web"), served.tic
    reads(reader, f"tic/{source}")
    here = served.in_folder(reader)
    here("stack", "new", "prod")
    name = f"{reader.project}/prod"

    refused = here("stack", "up", code=1)
    assert f"a run of {name} may not read {source}" in refused.err
    assert f"tic stack share {source} '{name}'" in refused.err

    tic("stack", "share", source, name)
    assert tic("stack", "readers", source, "--json").json() == [name]
    up = here("stack", "up")
    assert CANARY not in up.out + up.err
    assert here("stack", "outputs", "--json").json() == {"plain": "text", "hidden": "[secret]"}
    assert json.loads(shown(served, reader)) == [CANARY]
    tic("stack", "unshare", source, name)
    assert "may not read" in here("stack", "preview", code=1).err


def shown(served: Served, reader: Stock) -> str:
    """The secret output, opened by the stock CLI: it is sealed for the stack that has it now."""
    return reader("stack", "output", "hidden", "--show-secrets", "--json", "--stack", "prod").out

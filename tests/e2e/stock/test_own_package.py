"""The stock CLI with the package `tic`, against `tic serve`: what needs no broker works, and the rest says
where it does.
"""

import os
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.stock.conftest import Served
from tests.e2e.stock.stock import APPLY, Stock, secret
from tests.stacks.provider.acme.chains import Chain, chain

pytestmark = pytest.mark.server

TO_TIC = "run the stack through tic: tic stack up"


@pytest.fixture
def certificates(shop: Stock) -> Stock:
    """A project in a shell whose PATH has the plugin, as pip puts it there."""
    path = os.pathsep.join([str(Path(sys.executable).parent), shop.variables["PATH"]])
    return replace(shop, variables={**shop.variables, "PATH": path})


def files(folder: Path, made: Chain) -> Mapping[str, Any]:
    """A certificate that somebody else has issued, as files."""
    properties = {
        "path": str(folder),
        "certificatePem": made.certificate,
        "chainPem": made.intermediate,
        "privateKeyPem": secret(made.key),
    }
    return {"files": {"type": "tic:deploy:Directory", "properties": properties}}


def test_the_stock_cli_deploys_replaces_and_removes_a_certificate(
    certificates: Stock, served: Served, tmp_path: Path
) -> None:
    """E2. tic goes on with the stack where the stock CLI has left it."""
    first, second = chain("shop.test", serial=1), chain("shop.test", serial=2)
    folder = tmp_path / "tls"
    for made in (first, second):
        certificates.up(files(folder, made))
        assert (folder / "fullchain.pem").read_text() == made.certificate + made.intermediate
    assert certificates.changes() == {"same": 1, "update": 1}
    assert second.key.splitlines()[1] not in str(certificates.deployment())
    same = served.in_folder(certificates)("stack", "up", f"{certificates.project}/dev").err
    assert ": 2 same" in same
    certificates("destroy", *APPLY)
    assert not folder.exists()


def test_what_needs_the_broker_says_where_it_works(certificates: Stock) -> None:
    """D1. Nothing is asked of a CA."""
    inputs = {"directoryUrl": "https://ca.test/dir", "domains": ["shop.test"]}
    refused = certificates.up({"site": {"type": "tic:acme:IssuedCertificate", "properties": inputs}}, code=1)
    assert TO_TIC in refused.text
    assert "Traceback" not in refused.text
    types = {each["type"] for each in certificates.deployment()["resources"]}
    assert "tic:acme/account:Account" not in types

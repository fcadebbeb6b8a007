"""How the component's children hang together: chains of challenges, an account that several share."""

from pathlib import Path
from typing import Any

import pytest

from tests.servers.pebble import Pebble
from tests.stacks.provider.broker_server import BrokerServer
from tests.stacks.provider.engine import Site

pytestmark = pytest.mark.server


def settings(ca: Pebble, program: str, **inputs: Any) -> dict[str, Any]:
    """A program of `tests.stacks.provider.programs` for this CA; with inputs, the one with a component."""
    known = {"directory_url": ca.directory_url, "ca_certificates": ca.ca_file.read_text()}
    return {"program": program, "ca": known, "inputs": inputs}


def test_one_challenge_of_a_credential_at_a_time_is_kept_to_by_all_certificates_of_the_stack(
    tmp_path: Path, ca: Pebble, broker: BrokerServer
) -> None:  # D2
    broker.sequential = True
    made = Site(tmp_path, broker, settings(ca, "two")).up()
    assert made.errors == []
    assert len(broker.published) == 2
    assert broker.most == 1


def test_one_challenge_of_a_name_at_a_time_is_for_that_name_alone(
    tmp_path: Path, ca: Pebble, broker: BrokerServer
) -> None:  # D2, D5
    broker.by_name = True
    made = Site(tmp_path, broker, settings(ca, "issue", domains=["example.test", "*.example.test"])).up()
    assert made.errors == []
    assert len(broker.published) == 2
    assert broker.most == 1


@pytest.mark.parametrize(
    ("given", "refusal"),
    [
        ({"account_uri": "https://ca.test/a/1"}, "accountKeyPem is required where there is `accountUri`"),
        ({"account_key_pem": "a key"}, "accountUri is required where there is `accountKeyPem`"),
    ],
)
def test_half_an_account_is_refused(
    tmp_path: Path, ca: Pebble, broker: BrokerServer, given: dict[str, str], refusal: str
) -> None:
    shown = Site(tmp_path, broker, settings(ca, "issue", domains=["example.test"], **given)).preview()
    name, _, reason = refusal.partition(" ")
    assert [name in each and reason in each for each in shown.errors].count(True) == 1

"""Accounts on the real Pulumi engine: one that certificates share, and its key changed under them (E1)."""

import threading
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest

from stacks.provider.acme.keys import type_of
from tests.servers.pebble import Pebble
from tests.stacks.provider.broker_server import BrokerServer
from tests.stacks.provider.engine import Site
from tests.stacks.provider.relay import relay

pytestmark = pytest.mark.server
ROLLOVER = "POST /rollover-account-key"


def settings(ca: Pebble, directory_url: str | None = None, **account: Any) -> dict[str, Any]:
    known = {"directory_url": directory_url or ca.directory_url, "ca_certificates": ca.ca_file.read_text()}
    return {"program": "shared", "ca": known, "account": account}


def test_a_shared_account_gets_another_key_and_nothing_is_ordered_or_published_for_it(
    tmp_path: Path, ca: Pebble, broker: BrokerServer
) -> None:
    site = Site(tmp_path, broker, settings(ca, email="a@example.test"))
    made = site.up()
    assert made.errors == []
    accounts = {each["outputs"]["accountUri"] for each in site.state() if each["type"].endswith(":Account")}
    assert len(accounts) == 2
    assert type_of(made.outputs["key"]) == "ec256"
    assert made.outputs["agreed"]
    published = len(broker.published)

    site.settings = settings(ca, email="a@example.test", key_epoch=2, key_type="ec384")
    shown = site.preview()
    assert shown.errors == []
    assert shown.done == {"Account": ["update"], "Certificate": ["update", "update"]}
    changed = site.up()
    assert changed.errors == []
    assert changed.done == {"Account": ["update"], "Certificate": ["update", "update"]}
    assert type_of(changed.outputs["key"]) == "ec384"
    assert {**changed.outputs, "key": ""} == {**made.outputs, "key": ""}
    assert len(broker.published) == published
    assert "PRIVATE KEY" not in site.state_text()
    assert site.up().done == {}
    assert site.refresh().errors == []
    assert site.up().done == {}

    removed = site.destroy()
    assert removed.errors == []
    assert broker.keys == {}


@pytest.mark.soak  # test_rollover.py ends the plugin's work at the same moments in each run of the tests
def test_an_engine_that_is_killed_when_the_ca_has_the_key_loses_no_account(
    tmp_path: Path, ca: Pebble, broker: BrokerServer
) -> None:
    """C3: the state has the old key, the CA the new one."""
    with relay(urlsplit(ca.directory_url).port or 0) as way:
        url = f"https://localhost:{way.port}/dir"
        site = Site(tmp_path, broker, settings(ca, url))
        made = site.up()
        assert made.errors == []
        before, changed, ended = ca.log.count(ROLLOVER), threading.Event(), threading.Event()

        def stop(_size: int) -> bool:
            """Let nothing more to the CA once it has changed the key, until the engine is gone."""
            if ca.log.count(ROLLOVER) > before:
                changed.set()
                ended.wait(60)
            return False

        def kill() -> None:
            changed.wait(60)
            while not (processes := [*site.processes("pulumi"), *site.processes("pulumi-resource-tic")]):
                pass  # what runs below may change while it is looked through
            for each in processes:
                each.kill()
            psutil.wait_procs(processes)
            ended.set()

        way.losing = stop
        site.settings = settings(ca, url, key_epoch=2)
        killer = threading.Thread(target=kill)
        killer.start()
        assert site.up().failed
        killer.join()
        way.losing = lambda _size: False
        site.cancel()
        noted = broker.keys[made.outputs["uri"]].key_pem
        assert noted != made.outputs["key"]

        again = site.up()
        assert again.errors == []
        assert again.outputs["key"] == noted
        assert again.outputs["one"] == made.outputs["one"]
        assert ca.log.count(ROLLOVER) == before + 1
        assert site.up().done == {}
        assert site.destroy().errors == []

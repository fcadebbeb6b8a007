"""Fixtures for every test: the real servers, and the Pulumi engine."""

import os
import signal
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from engine.home import Home
from engine.toolchain import pulumi
from engine.toolchain.progress import Printer

pytest_plugins = ["tests.servers.fixtures"]

# A machine that is slow, or busy with something else, fails no test.
settings.register_profile("tic", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("tic")

# Started by nohup or some runners, pytest ignores SIGHUP, and so would every process that a test starts.
signal.signal(signal.SIGHUP, signal.SIG_DFL)

os.environ.pop("TIC_DATABASE_URL", None)  # no test may write into the database of whoever runs it


# What asks clouds through their SDKs, or starts processes by the dozen: right, and no matter of seconds.
SLOW = (
    "tests/cli/test_creds_scopes.py",
    "tests/cli/test_errors.py",
    "tests/cli/test_vault_backup.py",
    "tests/cli/test_vault_keys.py",
    "tests/credentials/identity/",
    "tests/credentials/roles/",
    "tests/credentials/test_contention.py",
    "tests/credentials/test_histories.py",
    "tests/credentials/test_machine.py",
    "tests/credentials/test_rekeying_killed.py",
    "tests/e2e/",
    "tests/emulators/",
    "tests/engine/state/test_contention.py",
    "tests/engine/state/test_replay.py",
    "tests/engine/test_broker_",
    "tests/engine/test_challenges.py",
    "tests/engine/test_disk.py",
    "tests/engine/test_launch.py",
    "tests/engine/test_restoring.py",
    "tests/engine/test_restoring_keys.py",
    "tests/engine/test_restoring_killed.py",
    "tests/engine/test_vault_changes.py",
    "tests/engine/toolchain/test_child.py",
    "tests/stacks/dns/test_worker.py",
    "tests/stacks/provider/test_main.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what `make test-fast` leaves out by where it stands."""
    for item in items:
        if item.path.relative_to(Path(__file__).parents[1]).as_posix().startswith(SLOW):
            item.add_marker("slow")


@pytest.fixture(scope="session")
def pulumi_command() -> Path:
    """The Pulumi engine that tic itself would run; got, with progress, where it is missing."""
    return pulumi.ensure(Home.find(), Printer(sys.stderr)).path

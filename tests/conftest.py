"""Fixtures for every test: the real servers, and the Pulumi engine."""

import os
import shutil
from pathlib import Path

import pytest

pytest_plugins = ["tests.servers.fixtures"]


@pytest.fixture(scope="session")
def pulumi_command() -> Path:
    """The Pulumi engine: `TIC_TEST_PULUMI`, or the one on PATH. Without one, tests fail: none is skipped."""
    found = os.environ.get("TIC_TEST_PULUMI") or shutil.which("pulumi")
    if found is None:
        pytest.fail(
            "the Pulumi engine is missing: put it on PATH, or name it in TIC_TEST_PULUMI", pytrace=False
        )
    return Path(found)

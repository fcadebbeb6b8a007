"""Fixtures for every test: the real servers, and the Pulumi engine."""

import os
import sys
from pathlib import Path

import pytest

from engine.home import Home
from engine.toolchain import pulumi
from engine.toolchain.progress import Printer

pytest_plugins = ["tests.servers.fixtures"]

os.environ.pop("TIC_DATABASE_URL", None)  # no test may write into the database of whoever runs it


@pytest.fixture(scope="session")
def pulumi_command() -> Path:
    """The Pulumi engine that tic itself would run; got, with progress, where it is missing."""
    return pulumi.ensure(Home.find(), Printer(sys.stderr)).path

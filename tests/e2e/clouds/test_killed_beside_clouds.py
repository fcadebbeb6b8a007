"""A run that is killed once its records are published, and what the next command does about them (D1)."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.e2e.clouds.test_signed_clouds import CLOUDS, KEY, NAME, OTHERS, Cloud
from tests.e2e.clouds.world import ZONE, name_server
from tests.e2e.command import Tic, setting
from tests.emulators.proxy import clouds
from tests.servers.pebble import pebble

pytestmark = [pytest.mark.server, pytest.mark.soak]


@contextmanager
def there(folder: Path, cloud: Cloud, api: Any) -> Iterator[Tic]:
    """`tic` beside the cloud, with the key in its vault and the stack `site`, never run."""
    work = folder / "work"
    work.mkdir()
    with (
        clouds({cloud.host: api}) as env,
        name_server(api.txt) as names,
        pebble(folder, dns=names.address, reuse_authorizations=0) as ca,
    ):
        tic = Tic(folder / "home", work, dict(env))
        tic("vault", "init")
        fields = ("--field", f"access-key={KEY.id}", "--secrets-from", "-")
        secret = json.dumps({"secret-key": KEY.secret})
        tic("creds", "new", "dns", "--provider", cloud.kind, *fields, stdin=secret)
        tic(
            "stack", "new", "site", "--template", "certificate",
            *setting("domains", (ZONE, f"*.{ZONE}")),
            *setting("directory", ca.directory_url),
            *setting("caFile", str(ca.ca_file)),
            *setting("nameservers", [names.address]),
            *setting("deployDirectory", str(work / "deployed")),
        )  # fmt: skip
        yield tic


def kill(process: "subprocess.Popen[str]") -> None:
    """Kill the process and whatever it started, as a machine that stops does."""
    top = psutil.Process(process.pid)
    for one in [*top.children(recursive=True), top]:
        with suppress(psutil.NoSuchProcess):
            one.kill()
    process.wait()


@pytest.mark.parametrize("cloud", CLOUDS, ids=lambda cloud: cloud.kind)
def test_what_a_killed_run_published_is_withdrawn_and_nothing_else(tmp_path: Path, cloud: Cloud) -> None:
    api = cloud.make([KEY])
    cloud.put(api, OTHERS)
    with there(tmp_path, cloud, api) as tic:
        with tic.running("stack", "up", "site") as process:
            while len(api.txt()[NAME]) < 2:
                assert process.poll() is None, process.stderr and process.stderr.read()
                psutil.wait_procs([psutil.Process(process.pid)], timeout=0.01)
            kill(process)
        left = len(api.txt()[NAME]) - 1
        assert left
        tic("dns", "clean")
        assert api.txt() == {NAME: [OTHERS]}
        tic("stack", "up", "site")
        tic("stack", "destroy", "site", "--yes")
        assert api.txt() == {NAME: [OTHERS]}
    sys.stdout.write(
        f"{cloud.kind}: {left} records of a killed run withdrawn, 1 of somebody else's left alone\n"
    )

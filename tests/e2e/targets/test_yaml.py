"""A program in YAML goes on after a failure as one in Python does (E2)."""

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from engine.home import Home
from engine.toolchain import yaml_host
from engine.toolchain.progress import Printer
from tests.e2e.command import Tic
from tests.stacks.provider.acme.chains import chain

pytestmark = pytest.mark.server


def program(folder: Path, serial: int) -> None:
    """Three folders with a new certificate, and one more that is made of the first one's output."""
    made = chain("shop.test", serial=serial)
    pems = {
        "certificatePem": made.certificate,
        "chainPem": made.intermediate,
        "privateKeyPem": {"fn::secret": made.key},
    }

    def deployed(path: str) -> dict[str, Any]:
        return {"type": "tic:deploy:Directory", "properties": {"path": path, **pems}}

    resources = {name: deployed(str(folder / name)) for name in ("first", "second", "third")}
    written = {
        "name": "shop",
        "runtime": "yaml",
        "resources": {**resources, "of-first": deployed("${first.path}-of")},
        "outputs": {"of": "${of-first.path}"},
    }
    (folder / "Pulumi.yaml").write_text(json.dumps(written))


def serials(folder: Path) -> dict[str, int]:
    """Which certificate is where."""
    return {
        file.parent.name: x509.load_pem_x509_certificate(file.read_bytes()).serial_number
        for file in folder.glob("*/cert.pem")
    }


def test_what_does_not_depend_on_the_failure_is_done_and_nothing_is_deleted(tmp_path: Path) -> None:
    folder = tmp_path / "shop"
    folder.mkdir()
    program(folder, 1)
    host = yaml_host.ensure(Home.find(), Printer(sys.stderr))
    path = os.pathsep.join([str(host.parent), os.environ["PATH"]])
    tic = Tic(tmp_path / "home", folder, {"PATH": path})
    tic("vault", "init")
    tic("stack", "new", "dev")
    tic("stack", "up", "dev")
    outputs = tic("stack", "outputs", "dev", "--json").json()
    for file in (folder / "first").iterdir():
        file.unlink()
    (folder / "first").rmdir()
    (folder / "first").touch()
    program(folder, 2)
    failed = tic("stack", "up", "dev", "--json", code=1)
    stand = {each["name"]: each["state"] for each in json.loads(failed.out.splitlines()[-1])["standings"]}
    assert stand == {"second": "updated", "third": "updated", "of-first": "not tried", "first": "failed"}
    assert "failed to register" not in failed.out
    assert serials(folder) == {"second": 2, "third": 2, "first-of": 1}
    assert tic("stack", "outputs", "dev", "--json").json() == outputs
    (folder / "first").unlink()
    tic("stack", "up", "dev")
    assert serials(folder) == dict.fromkeys(("first", "second", "third", "first-of"), 2)

"""C1, C2, A1: a template of a cloud becomes a running stack; what is missing is said before anything runs."""

import shutil
import sys
from pathlib import Path

import pytest

from tests.e2e.bound.world import ALICLOUD, DOMAIN, TENCENTCLOUD, World
from tests.emulators.signing import Key

pytestmark = pytest.mark.server


@pytest.mark.parametrize(
    ("cloud", "key", "package"),
    [
        ("alicloud", ALICLOUD, "pulumi-alicloud"),
        ("tencentcloud", TENCENTCLOUD, "tencentcloud-iac-pulumi"),
    ],
)
def test_a_template_becomes_a_running_stack(bound: World, cloud: str, key: Key, package: str) -> None:
    settings = ["--set", f"domain={DOMAIN}", "--set", "address=192.0.2.1"]
    made = ["stack", "new", "net", "--template", cloud, *settings]
    assert f"tic creds new NAME --provider {cloud}" in bound.tic(*made, code=3).err  # A1
    bound.keep("key", key)
    said = bound.tic(*made).err
    folder = bound.folder / "net"
    pip = f"{folder}/.venv/bin/python -m pip install -r {folder}/requirements.txt"
    make = f"python3 -m venv {folder}/.venv && {pip}"
    assert f"next: make it: {make}; then: tic stack preview net/net" in said
    refused = bound.tic("stack", "up", "net/net", code=6).err  # before Pulumi is started
    assert make in refused
    assert list(bound.environments()) == []

    empty(folder / ".venv")
    refused = bound.tic("stack", "preview", "net/net", code=6).err
    assert f"needs pulumi, {package}, and" in refused
    shutil.rmtree(folder / ".venv")
    (folder / ".venv").symlink_to(sys.prefix)  # what the commands above would have made
    bound.tic("stack", "up", "net/net")
    outputs = bound.json("stack", "outputs", "net/net")
    assert outputs["record"] == f"www.{DOMAIN}"
    assert outputs["network"].startswith("vpc-")
    assert bound.calls() == {key.id}
    bound.tic("stack", "destroy", "net/net", "--yes")
    for products in (bound.ali.products, bound.tencent.products):
        assert not products.records
        assert not products.networks


def empty(environment: Path) -> None:
    """A virtual environment with nothing in it."""
    (environment / "bin").mkdir(parents=True)
    (environment / "bin" / "python").symlink_to(sys.executable)
    (environment / "pyvenv.cfg").write_text("include-system-site-packages = false\n")

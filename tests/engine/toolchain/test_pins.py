"""The pins say what their Go modules hold: moving one without the other is noticed here, not in a build."""

import re

import pytest

from engine.toolchain.pins import Pin, pins


@pytest.mark.parametrize("pin", pins().values(), ids=list(pins()))
def test_a_pins_version_is_the_one_that_its_modules_require(pin: Pin) -> None:
    go_mod = (pin.modules / "go.mod").read_text()
    required = dict(re.findall(r"^\s*(?:require )?(\S+) v(\d+\.\d+\.\d+)(?: .*)?$", go_mod, re.MULTILINE))
    for package in pin.packages:
        module = max((one for one in required if f"{package}/".startswith(f"{one}/")), key=len)
        assert required[module] == str(pin.version)
        assert f'_ "{package}"' in (pin.modules / "tools.go").read_text()


@pytest.mark.parametrize("pin", pins().values(), ids=list(pins()))
def test_every_required_module_has_its_hashes(pin: Pin) -> None:
    go_mod, go_sum = (pin.modules / "go.mod").read_text(), (pin.modules / "go.sum").read_text()
    replaced = dict(re.findall(r"^replace (\S+) => (\S+) \S+$", go_mod, re.MULTILINE))
    for module, version in re.findall(
        r"^\s*(?:require )?(\S+) (v\S+)(?: // indirect)?$", go_mod, re.MULTILINE
    ):
        if module not in replaced:
            assert f"{module} {version}/go.mod h1:" in go_sum


def test_the_engine_is_linked_with_its_version() -> None:
    pulumi = pins()["pulumi"]
    assert f"Version=v{pulumi.version}" in pulumi.ldflags
    assert pulumi.minimum
    assert pulumi.minimum <= pulumi.version

"""C2: what providers would find by themselves, in a home or of the machine, is closed to them."""

import re
from pathlib import Path

import pytest

from credentials import fallbacks, kinds


def test_every_place_that_is_known_is_closed() -> None:
    found = fallbacks.closed("/none")
    assert set(found) == set(fallbacks.closes())
    assert found["AWS_SHARED_CREDENTIALS_FILE"] == "/dev/null"
    assert found["AWS_EC2_METADATA_DISABLED"] == "true"
    assert found["TENCENTCLOUD_SHARED_CREDENTIALS_DIR"] == "/none"
    assert fallbacks.NOWHERE not in "".join(found.values())


def test_the_documentation_names_every_one() -> None:
    page = Path(__file__).parents[2] / "docs" / "decisions" / "bound-providers.md"
    named = set(re.findall(r"`([A-Z0-9_]+)`", page.read_text()))
    assert set(fallbacks.closes()) <= named


@pytest.mark.parametrize(
    ("passed", "opened", "stays"),
    [
        ("AWS_PROFILE", "AWS_CONFIG_FILE", "AZURE_CONFIG_DIR"),
        ("TENCENTCLOUD_PROFILE", "TENCENTCLOUD_SHARED_CREDENTIALS_DIR", "AWS_CONFIG_FILE"),
        ("ARM_USE_CLI", "AZURE_CONFIG_DIR", "KUBECONFIG"),
        ("KUBECONFIG", "KUBECONFIG", "DOCKER_CONFIG"),
    ],
)
def test_a_variable_that_the_user_passes_on_opens_its_providers_places(
    passed: str, opened: str, stays: str
) -> None:
    found = fallbacks.closed("/none", passed=[passed])
    assert opened not in found
    assert stays in found


def test_a_credential_that_is_the_machines_identity_leaves_the_machine_open_and_the_files_closed() -> None:
    found = fallbacks.closed("/none", by_machine={"aws"})
    assert "AWS_EC2_METADATA_DISABLED" not in found
    assert found["AWS_SHARED_CREDENTIALS_FILE"] == "/dev/null"
    assert "GOOGLE_APPLICATION_CREDENTIALS" not in fallbacks.closed("/none", by_machine={"gcloud"})


def test_the_families_are_kinds_of_the_catalogue() -> None:
    assert {family.kind for family in fallbacks._FAMILIES} <= set(kinds.names())

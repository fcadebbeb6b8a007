"""D2: what `tic dns providers` says is what the catalogue has and the tests do."""

import tomllib
from pathlib import Path

import pytest

from credentials import kinds
from engine.dns_providers import gone, providers
from tests.credentials.test_lego_agrees import NEEDS_NETWORK

HEADINGS = Path(__file__).parents[1] / "credentials" / "dns_headings.toml"
PROVEN = {
    "rfc2136": "tests/e2e/test_certificate.py",
    "acme-dns": "tests/e2e/test_dns_programs.py",
    "exec": "tests/e2e/test_dns_programs.py",
    "httpreq": "tests/e2e/test_dns_programs.py",
    "alicloud": "tests/e2e/clouds/test_alicloud.py",
    "aws": "tests/e2e/clouds/test_aws.py",
    "azure": "tests/e2e/clouds/test_azure.py",
    "cloudflare": "tests/e2e/clouds/test_cloudflare.py",
    "pdns": "tests/e2e/orphans/test_stacks.py",
    "tencentcloud": "tests/e2e/clouds/test_tencentcloud.py",
    **dict.fromkeys(
        ("baiducloud", "huaweicloud", "jdcloud", "volcengine"), "tests/e2e/clouds/test_signed_clouds.py"
    ),
}
"""Where each provider that is said to be exercised is."""


def test_every_heading_is_a_provider_or_says_what_to_use() -> None:
    known = {name for each in providers() for name in (each["provider"], *each["names"])}
    explained = {each["name"] for each in gone()}
    for heading, about in tomllib.loads(HEADINGS.read_text(encoding="utf-8")).items():
        name = about["name"]
        former = kinds.former(name)
        asked = former.succeeded_by if former is not None and former.same else name
        assert {name, asked} & (known | explained), heading


def test_each_provider_that_is_said_to_be_exercised_is() -> None:
    said = {each["provider"] for each in providers() if each["tested"] == "exercised"}
    assert said == PROVEN.keys()
    for provider, path in PROVEN.items():
        text = (Path(__file__).parents[2] / path).read_text(encoding="utf-8")
        world = (Path(__file__).parents[1] / "e2e" / "world.py").read_text(encoding="utf-8")
        assert provider in text + world


def test_what_lego_was_not_asked_is_not_said_to_be_accepted() -> None:
    catalogued = {each["provider"] for each in providers() if each["tested"] == "catalogued"}
    assert catalogued == NEEDS_NETWORK.keys() - PROVEN.keys()


@pytest.mark.parametrize(("provider", "least"), [("cloudflare", 120), ("godaddy", 600)])
def test_the_smallest_ttl_is_told(provider: str, least: int) -> None:
    found = next(each for each in providers() if each["provider"] == provider)
    assert next(each["least"] for each in found["tuning"] if each["name"] == "ttl") == least

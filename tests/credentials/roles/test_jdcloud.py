"""JD Cloud's user roles, taken on with the official SDK."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from credentials.roles.providers import jdcloud
from tests.credentials.identity.asking import settle
from tests.credentials.roles.contract import assumed
from tests.credentials.roles.signed_cloud import (
    SignedCloud,
    SilentContract,
    check_any_text,
    dumped,
    key,
    nothing,
)
from tests.emulators.jdcloud import JdCloud
from tests.emulators.proxy import clouds

# The SDKs take the time with utcnow(), which Python 3.12 warns of.
pytestmark = pytest.mark.filterwarnings("ignore:datetime.datetime.utc:DeprecationWarning")

ACCOUNT = "100012345678"


class JdRoles(SignedCloud):
    provider = "jdcloud"
    sdk = "jdcloud_sdk"
    hosts = (
        "sts.jdcloud-api.com",
        "user.jdcloud-api.com",
        "domainservice.jdcloud-api.com",
        "ssl.jdcloud-api.com",
    )
    account = ACCOUNT
    role = f"jrn:iam::{ACCOUNT}:role/tic-role"
    bad_roles = ("tic-role", f"jrn:iam::{ACCOUNT}:role/tic", f"jrn:iam::{ACCOUNT}:subUser/tic-role")
    has_external_id = False
    nothing_here = nothing("jdcloud")
    assuming = "sts:assumeRole"

    def trusting(self, account: str) -> str:
        statement = {
            "Effect": "Allow",
            "Principal": {"JDCLOUD": f"jrn:iam::{account}:root"},
            "Action": ["sts:assumeRole"],
        }
        return dumped(Version="3", Statement=[statement])


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[JdRoles]:
    emulator = JdCloud([key(ACCOUNT)])
    with clouds(dict.fromkeys(JdRoles.hosts, emulator)) as env:
        settle(monkeypatch, env)
        yield JdRoles(emulator)


class TestJdCloud(SilentContract):
    """The contract of every cloud's role."""


def test_any_text_is_a_role_or_refused() -> None:
    check_any_text(jdcloud)


def test_taking_a_role_on_prints_nothing(
    cloud: JdRoles, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """The SDK's own logger would print the request, and the answer with its keys."""
    with cloud.way("credential", tmp_path) as way:
        assumed(way)
    assert capfd.readouterr() == ("", "")

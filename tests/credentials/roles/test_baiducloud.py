"""Baidu AI Cloud's roles, taken on through what lies beneath the official SDK's clients."""

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest

from credentials.roles import Role, Source
from credentials.roles.providers import baiducloud
from tests.credentials.identity.asking import settle
from tests.credentials.roles.contract import RoleCloud, Way, assumed
from tests.credentials.roles.signed_cloud import (
    SignedCloud,
    SilentContract,
    check_any_text,
    dumped,
    key,
    nothing,
)
from tests.emulators.baiducloud import BaiduCloud
from tests.emulators.proxy import clouds

# The SDKs take the time with utcnow(), which Python 3.12 warns of.
pytestmark = pytest.mark.filterwarnings("ignore:datetime.datetime.utc:DeprecationWarning")

ACCOUNT = "dc9b5191440d4f93851ddffb4e942b75"


class BaiduRoles(SignedCloud):
    provider = "baiducloud"
    sdk = "baidubce"
    hosts = ("sts.bj.baidubce.com", "dns.baidubce.com", "certificate.baidubce.com")
    account = ACCOUNT
    role = f"{ACCOUNT}/tic"
    bad_roles = ("tic", f"{ACCOUNT}/", "/tic", f"{ACCOUNT}/tic/more", f"{ACCOUNT} /tic")
    has_external_id = False
    nothing_here = nothing("baiducloud")

    def trusting(self, account: str) -> str:
        entry = {
            "service": "bce:iam",
            "permission": ["AssumeRole"],
            "region": "*",
            "grantee": [{"id": account}],
            "effect": "Allow",
        }
        return dumped(version="v1", accessControlList=[entry])


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[BaiduRoles]:
    emulator = BaiduCloud([key(ACCOUNT)])
    with clouds(dict.fromkeys(BaiduRoles.hosts, emulator)) as env:
        settle(monkeypatch, env)
        yield BaiduRoles(emulator)


class TestBaiduCloud(SilentContract):
    """The contract of every cloud's role."""

    def test_its_session_stands_in_the_clouds_own_trail(self, cloud: RoleCloud, way: Way) -> None:
        """Its API has no name for a session: none is sent, whatever it is."""
        assert cloud.accepts(assumed(way, session_name="tic-böse/name with everything: " + "x" * 200))
        assert cloud.session_names() == [""]


def test_any_text_is_a_role_or_refused() -> None:
    check_any_text(baiducloud)


def test_the_trust_policy_names_the_account_that_takes_it_on() -> None:
    with_role = baiducloud.trust_policy(replace(_role(), role=f"{ACCOUNT}/tic"), None)
    assert json.loads(with_role)["accessControlList"][0]["grantee"] == [{"id": ACCOUNT}]
    other = baiducloud.trust_policy(_role(), "another-account")
    assert json.loads(other)["accessControlList"][0]["grantee"] == [{"id": "another-account"}]


def _role() -> Role:
    return Role("baiducloud", "", None, 3600, Source("credential", credential="cred-0123456789ab"))

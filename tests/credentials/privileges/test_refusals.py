"""Which permission a refusal is about: named by the cloud, known from its words, or one of what is called."""

import json
from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credentials import privileges
from credentials.privileges import Missing
from credentials.privileges.refusals import DOINGS

# What each cloud says, as its client puts it.
SAID = {
    "alicloud": (
        "Alibaba Cloud refuses alidns:AddDomainRecord: 403 Forbidden.RAM User not authorized to operate on "
        "the specified resource, or this API doesn't support RAM.",
        "alidns:AddDomainRecord",
    ),
    "tencentcloud": (
        "Tencent Cloud refuses dnspod:DeleteRecord: 400 UnauthorizedOperation [request id:x]you are not "
        "authorized to perform operation (dnspod:DeleteRecord)\nresource (*) has no permission\n",
        "dnspod:DeleteRecord",
    ),
    "aws": (
        "operation error Route 53: GetChange, https response error StatusCode: 403, RequestID: x, api error "
        "AccessDenied: User: arn:aws:iam::1:user/dns is not authorized to perform: route53:GetChange on "
        "resource: arn:aws:route53:::change/C1 because no identity-based policy allows the action",
        "route53:GetChange",
    ),
    "azure": (
        "RESPONSE 403: 403 Forbidden\nERROR CODE: AuthorizationFailed\n The client 'a' with object id 'b' "
        "does not have authorization to perform action 'Microsoft.Network/dnsZones/TXT/write' over scope",
        "Microsoft.Network/dnsZones/TXT/write",
    ),
    "cloudflare": (
        "cloudflare: failed to find zone example.test.: [status code 403] 0: Actor "
        "'com.cloudflare.api.token.x' requires permission "
        "'com.cloudflare.api.account.zone.list' to list zones",
        "Zone / Zone / Read",
    ),
}
APPLYING = [one for one in privileges.providers() if "apply" in privileges.load(one).purposes]
OTHER_FAULTS = (
    "",
    "429 Throttling.User Request was denied due to user flow control.",
    "400 SignatureDoesNotMatch Specified signature is not matched with our calculation.",
    "AuthFailure.SignatureFailure",
    "api error InvalidClientTokenId: The security token included in the request is invalid.",
    "AADSTS7000215: Invalid client secret provided.",
    "cloudflare: failed to create TXT record: [status code 400] 81058: An identical record already exists.",
    "dial tcp: lookup api.cloudflare.com: no such host",
)


@pytest.mark.parametrize("provider", SAID)
def test_the_action_that_a_cloud_names_is_the_one(provider: str) -> None:  # D6
    said, action = SAID[provider]
    assert privileges.load(provider).purposes["apply"].missing(said, "publish") == Missing((action,))


@pytest.mark.parametrize("provider", APPLYING)
def test_another_fault_is_no_missing_permission(provider: str) -> None:
    purpose = privileges.load(provider).purposes["apply"]
    assert [said for said in OTHER_FAULTS if purpose.missing(said, "publish")] == []


@given(st.text(max_size=2000), st.sampled_from(APPLYING), st.sampled_from(DOINGS))
def test_whatever_is_said_is_read(said: str, provider: str, doing: privileges.Doing) -> None:
    found = privileges.load(provider).purposes["apply"].missing(said, doing)
    assert found is None or found.actions


@pytest.mark.parametrize("provider", APPLYING)
def test_what_is_called_is_a_privilege_or_in_the_policy(provider: str) -> None:  # D6
    purpose = privileges.load(provider).purposes["apply"]
    called = {action for actions in purpose.calls.values() for action in actions}
    texts = json.dumps(purpose.policy).split('"')[1::2]
    assert called, "nothing is known of its calls"
    for action in called:
        assert any(fnmatchcase(action, one) for one in (*purpose.privileges, *texts)), action

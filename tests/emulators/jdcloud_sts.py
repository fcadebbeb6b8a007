"""JD Cloud's STS: user roles that are taken on with a key.

The call is that of the official SDKs; trust policies are as https://docs.jdcloud.com/en/iam/role has them;
there is no list of what it refuses with: its statuses are HTTP's, the words of distrust are assumed.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from tests.emulators.assumed_roles import AssumedRoles, permitted, trusts
from tests.emulators.signing import Denied, Key

SHORTEST, LONGEST = 3600, 43200
BEIJING = timedelta(hours=8)
OF_ACTIONS = {
    "domainservice:describeDomains": "domains",
    "ssl:describeCerts": "certificates",
}


def assume_role(iam: AssumedRoles, key: Key, asked: Mapping[str, Any]) -> dict[str, Any]:
    """STS AssumeRole; raises Denied."""
    jrn, seconds = asked["roleJrn"], asked["durationSeconds"]
    if jrn not in iam.roles:
        raise Denied(404, "NOT_FOUND", "role not found")
    if not iam.may(key, "sts:assumeRole"):
        raise Denied(403, "HTTP_FORBIDDEN", "the sub user has no permission for this operation")
    called = {f"jrn:iam::{key.account}:root", f"jrn:iam::{key.account}:user/{key.principal}", key.account}
    if not trusts(iam.roles[jrn].trust, "sts:assumeRole", {"jdcloud": called}, {}):
        raise Denied(403, "HTTP_FORBIDDEN", "the trust relationship of the role does not name the user")
    if not SHORTEST <= seconds <= min(LONGEST, iam.roles[jrn].longest):
        raise Denied(400, "INVALID_ARGUMENT", "durationSeconds is out of range")
    allowed = None
    if "policy" in asked:
        allowed = frozenset(OF_ACTIONS.get(one, "") for one in permitted(asked["policy"])) | {"user"}
    session = iam.begin(jrn, jrn.split(":")[3], asked["roleSessionName"], seconds, allowed)
    return {
        "credentials": {
            "accessKey": session.key.id,
            "secretKey": session.key.secret,
            "sessionToken": session.key.token,
            "expiration": f"{session.ends + BEIJING:%Y-%m-%d %H:%M:%S}",
        }
    }

"""Baidu AI Cloud's STS: roles that are taken on with a key.

The call: https://cloud.baidu.com/doc/IAM/s/Qjwvyc8ov. AccessDenied is of every service's codes; that no role
is a 404, what a session that is too long is answered, and the words of distrust are assumed.
"""

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from tests.emulators.assumed_roles import AssumedRoles
from tests.emulators.signing import Denied, Key

LONGEST = 7200


def assume_role(
    iam: AssumedRoles, key: Key, asked: Mapping[str, str], narrowed: Mapping[str, Any]
) -> dict[str, Any]:
    """STS AssumeRole; raises Denied. `narrowed` is the body: an access control list, or nothing."""
    role, seconds = f"{asked['accountId']}/{asked['roleName']}", int(asked["durationSeconds"])
    if role not in iam.roles:
        raise Denied(404, "NoSuchRole", "The role does not exist.")
    if not iam.may(key, "sts:AssumeRole"):
        raise Denied(403, "AccessDenied", "Access denied.")
    if not trusts(iam.roles[role].trust, key):
        raise Denied(403, "AccessDenied", "Access denied: the role does not trust the user.")
    if not 0 < seconds <= min(LONGEST, iam.roles[role].longest):
        raise Denied(400, "InvalidHTTPRequest", "durationSeconds is too long.")
    if narrowed.keys() - {"accessControlList"}:
        raise Denied(400, "InappropriateJSON", "The JSON you provided was well-formed and valid.")
    session = iam.begin(role, asked["accountId"], "", seconds, reads(narrowed) if narrowed else None)
    return {
        "accessKeyId": session.key.id,
        "secretAccessKey": session.key.secret,
        "sessionToken": session.key.token,
        "createTime": f"{session.ends - timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%SZ}",
        "expiration": f"{session.ends:%Y-%m-%dT%H:%M:%SZ}",
        "userId": key.principal,
        "roleId": f"id-of-{asked['roleName']}",
    }


def trusts(document: str, key: Key) -> bool:
    """Whether a trust policy lets this key's account, or its user."""
    return any(
        entry["effect"] == "Allow"
        and entry["service"] == "bce:iam"
        and "AssumeRole" in entry["permission"]
        and {one["id"] for one in entry["grantee"]} & {key.account, key.principal}
        for entry in json.loads(document)["accessControlList"]
    )


def reads(narrowed: Mapping[str, Any]) -> frozenset[str]:
    """What is left of the reads that this cloud serves."""
    of = {"bce:dns": "zones", "bce:cas": "certificates"}
    return frozenset(of.get(entry["service"], "") for entry in narrowed["accessControlList"]) | {"session"}

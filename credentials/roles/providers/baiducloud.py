"""Baidu AI Cloud: roles of IAM, taken on with STS AssumeRole.

The call: https://cloud.baidu.com/doc/IAM/s/Qjwvyc8ov, which the SDK has no method for; roles:
https://intl.cloud.baidu.com/doc/IAM/s/kjxljbeiz-en; trust policies: the IAM page of the official SDK for Go.
It knows neither names of sessions nor external ids, and documents no metadata service.
"""

import json
import re
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from credentials.roles import answers
from credentials.roles.errors import NotAssumed, Reason
from credentials.roles.forms import written_as
from credentials.roles.mending import not_assumed
from credentials.roles.role import Role, Session, Source, SourceKind
from credentials.secret import SecretBytes

if TYPE_CHECKING:
    from credentials.identity.baiducloud import Refused

LABEL: Final = "Baidu AI Cloud"
LOGGERS: Final = ("baidubce",)
SOURCES: Final[frozenset[SourceKind]] = frozenset({"credential"})
SESSION_SECONDS: Final = (60, 3600, 7200)
SETTINGS: Final = {"region": "the region of the stacks, such as bj"}

_ROLE: Final = re.compile(r"(?P<account>[A-Za-z0-9-]{1,64})/(?P<name>[A-Za-z0-9_.-]{1,64})")
_KEYS: Final = {"access-key": "accessKeyId", "secret-key": "secretAccessKey", "session-token": "sessionToken"}
_GONE: Final = re.compile(r"NoSuch|NotFound|NotExist")


def checked_role(text: str) -> str:
    """The account and the name of the role; raises BadRole."""
    hint = f"one looks like ACCOUNT-ID/NAME, both as on its page: {console(None)}"
    return written_as(_ROLE, text, "role of Baidu AI Cloud", hint)


def assume(
    role: Role,
    identity: Mapping[str, SecretBytes] | None,
    *,
    session_name: str,
    policy: str | None,
    timeout: float,
    environ: Mapping[str, str],
) -> Session:
    """Take the role on; raises NotAssumed, PackageMissing. `session_name` has no place in its API."""
    from credentials.identity.baiducloud import STS, Refused, asker

    if identity is None:
        raise not_assumed(role, Reason.SOURCE_MISSING, console(role))
    account, _, name = role.role.partition("/")
    asked = {
        "assumeRole": "",
        "accountId": account,
        "roleName": name,
        "durationSeconds": str(role.session_seconds),
    }
    started = time.time()
    try:
        with answers.asking(role, console(role)):
            ask = asker("baiducloud", identity, timeout)
            told = ask(STS, "/v1/credential", asked, json.loads(policy) if policy is not None else {})
    except Refused as refused:
        raise _translated(role, refused, identity) from None
    session = answers.keys(role, console(role), told, _KEYS)
    since, until = told.get("createTime"), told.get("expiration")
    return Session(
        {**session, **answers.region(role, identity)},
        answers.ends(started, role.session_seconds, since=since, until=until),
        account,
        str(told.get("roleId") or role.role),
    )


def find_sources(environ: Mapping[str, str]) -> tuple[Source, ...]:
    """None: nothing on a machine of Baidu's is documented to give it an identity."""
    return ()


def trust_policy(role: Role, account: str | None) -> str:
    """The role's trust policy: the account that may take it on."""
    own = role.role.partition("/")[0] or "ACCOUNT-ID"
    entry = {
        "service": "bce:iam",
        "permission": ["AssumeRole"],
        "region": "*",
        "grantee": [{"id": account or own}],
        "effect": "Allow",
    }
    return json.dumps({"version": "v1", "accessControlList": [entry]}, indent=2)


def console(role: Role | None) -> str:
    """IAM's page of roles."""
    return "https://console.bce.baidu.com/iam/#/iam/role/list"


def session_policy(purpose: str) -> str | None:
    """The least privileges of `apply` or `deploy`, and no others, as an access control list."""
    from credentials import privileges

    known = privileges.load("baiducloud").purposes.get(purpose)
    if known is None or known.policy is None:
        return None
    entries = known.policy["accessControlList"]
    return json.dumps({"accessControlList": entries}, separators=(",", ":"))


def _translated(role: Role, refused: "Refused", fields: Mapping[str, SecretBytes]) -> NotAssumed:
    from credentials.identity import words_of
    from credentials.identity.baiducloud import translated

    reason = _reason(refused)
    if reason is None:
        return answers.of_identity(role, translated(role.provider, refused, fields), console(role))
    words = words_of(refused.words, fields)
    return not_assumed(role, reason, console(role), answers.told(refused.code, refused.request_id, words))


def _reason(refused: "Refused") -> Reason | None:
    """What it says of the role; None where it says something of who asks."""
    from credentials.identity.baiducloud import DENIED

    words = refused.words.lower()
    if refused.status == 404 or _GONE.search(refused.code):
        return Reason.ROLE_GONE
    if refused.code == DENIED:  # the same of who may not, and of whom the role does not trust
        return Reason.TRUST_GONE if "trust" in words else Reason.DENIED
    if refused.status == 400 and "duration" in words:
        return Reason.TOO_LONG
    return None

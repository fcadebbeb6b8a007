"""Volcano Engine's STS: roles that are taken on with a key, or with a token of an identity provider.

The calls: https://www.volcengine.com/docs/6257/86374 and /docs/6257/1494877. RoleNotExist is named as the
others of https://www.volcengine.com/docs/6257/64992; codes of tokens and durations, and the words by which
distrust differs from a lack of permission, are assumed.
"""

import json
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, NoReturn

from tests.emulators.assumed_roles import AssumedRoles, CloudSession, permitted, trusts
from tests.emulators.oidc import BadToken, verified
from tests.emulators.proxy import Handler, Request, Response
from tests.emulators.signing import Denied, Key

SHORTEST, USUAL, LONGEST = 900, 3600, 43200
SESSION_NAME = re.compile(r"[\w.@-]{2,64}", re.ASCII)
PARAMETERS = {"RoleTrn", "RoleSessionName", "DurationSeconds"}
CREDENTIALS = "/volcstack/latest/iam/security_credentials"
MACHINE_TOKEN = "the-machine's-own-token"


def assume_role(iam: AssumedRoles, key: Key, asked: Mapping[str, str]) -> dict[str, Any]:
    """STS AssumeRole; raises Denied."""
    check(asked, PARAMETERS)
    trn = existing(iam, asked["RoleTrn"])
    if not iam.may(key, "sts:AssumeRole"):
        refuse(403, "AccessDenied", f"User is not authorized to perform: sts:AssumeRole on resource: {trn}")
    called = {f"trn:iam::{key.account}:root", f"trn:iam::{key.account}:user/{key.principal}"}
    if not trusts(iam.roles[trn].trust, "sts:AssumeRole", {"iam": called}, {}):
        refuse(403, "AccessDenied", f"The trust policy of {trn} does not allow sts:AssumeRole")
    return lent(iam, trn, asked, "ExpiredTime")


def assume_role_with_oidc(iam: AssumedRoles, asked: Mapping[str, str]) -> dict[str, Any]:
    """STS AssumeRoleWithOIDC; raises Denied."""
    check(asked, PARAMETERS | {"OIDCToken"})
    trn = existing(iam, asked["RoleTrn"])
    try:
        claims = verified(asked["OIDCToken"], iam.web, iam.now().timestamp())
    except BadToken as bad:
        refuse(400, "InvalidOIDCToken", f"The OIDC token is invalid: {bad.fault}")
    audiences = set(claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]])
    known = {
        name
        for name, provider in iam.identity_providers.items()
        if provider.issuer == claims["iss"] and provider.clients & audiences
    }
    if not known:
        refuse(400, "InvalidOIDCToken", "The OIDC token is invalid: no identity provider of this issuer")
    context = {"oidc:iss": {claims["iss"]}, "oidc:aud": audiences, "oidc:sub": {claims["sub"]}}
    if not trusts(iam.roles[trn].trust, "sts:AssumeRoleWithOIDC", {"federated": known}, context):
        refuse(403, "AccessDenied", f"User is not authorized to perform: sts:AssumeRoleWithOIDC on: {trn}")
    return lent(iam, trn, asked, "Expiration")


def machine(iam: AssumedRoles, name: str, session: CloudSession) -> Handler:
    """The metadata service of a machine that has the role `name` ("" for none), with these keys of it."""

    def service(request: Request) -> Response:
        if (request.method, request.path) == ("PUT", "/latest/api/token"):
            asked = request.headers.get("x-volc-ecs-metadata-token-ttl-seconds", "")
            return Response(200, {}, MACHINE_TOKEN.encode()) if asked.isdecimal() else Response(400)
        if request.method != "GET" or request.headers.get("x-volc-ecs-metadata-token") != MACHINE_TOKEN:
            return Response(401)
        if request.path == CREDENTIALS and request.parameters == {"type": "user", "format": "json"}:
            return Response(200, {}, json.dumps([name] if name else []).encode())
        if not name or request.path != f"{CREDENTIALS}/{name}" or session.ends <= iam.clock():
            return Response(404)
        return Response.json(keys(session, "ExpiredTime"))

    return service


def check(asked: Mapping[str, str], needed: set[str]) -> None:
    """Refuse parameters that are not of the call."""
    if not needed <= asked.keys() <= needed | {"Policy"}:
        refuse(400, "InvalidParameter", f"Parameters are missing or unknown: {sorted(asked.keys() ^ needed)}")
    if not SESSION_NAME.fullmatch(asked["RoleSessionName"]):
        refuse(400, "InvalidParameter", "Invalid RoleSessionName")


def existing(iam: AssumedRoles, trn: str) -> str:
    """The role that is asked for; raises Denied."""
    if trn not in iam.roles:
        refuse(404, "RoleNotExist", f"Role '{trn.rpartition('/')[2]}' cannot be found.")
    return trn


def lent(iam: AssumedRoles, trn: str, asked: Mapping[str, str], ends_as: str) -> dict[str, Any]:
    """A session of the role; raises Denied."""
    seconds = min(int(asked["DurationSeconds"]), LONGEST)
    if seconds < SHORTEST:
        seconds = USUAL
    if seconds > iam.roles[trn].longest:
        refuse(400, "InvalidDurationSeconds", "DurationSeconds is longer than the role's longest session")
    allowed = None
    if "Policy" in asked:
        try:
            allowed = permitted(asked["Policy"])
        except ValueError:
            refuse(400, "InvalidParameter", "Invalid Policy")
    session = iam.begin(trn, trn.split(":")[3], asked["RoleSessionName"], seconds, allowed)
    begun = session.ends - timedelta(seconds=seconds)
    credentials = {"CurrentTime": f"{begun:%Y-%m-%dT%H:%M:%S.%f+00:00}", **keys(session, ends_as)}
    user = {"Trn": session_trn(session), "AssumedRoleId": f"id-of-role:{session.name}"}
    return {"Credentials": credentials, "AssumedRoleUser": user}


def keys(session: CloudSession, ends_as: str) -> dict[str, str]:
    """A session's keys and its end, as STS and the metadata service name them."""
    return {
        "AccessKeyId": session.key.id,
        "SecretAccessKey": session.key.secret,
        "SessionToken": session.key.token,
        ends_as: f"{session.ends:%Y-%m-%dT%H:%M:%S.%f+00:00}",
    }


def session_trn(session: CloudSession) -> str:
    """What a session is called."""
    return f"trn:sts::{session.key.account}:assumed-role/{session.role.rpartition('/')[2]}/{session.name}"


def refuse(status: int, code: str, why: str) -> NoReturn:
    """Refuse as the API does."""
    raise Denied(status, code, why)

"""Tencent Cloud's STS: roles of CAM that are taken on with a key, or with a token of an identity provider.

The calls and their refusals, all of them with HTTP 200: https://cloud.tencent.com/document/api/1312/48197 and
73070. Of a key that may not and of a role that does not trust it the API says the same.
"""

import re
from typing import Any, NoReturn
from urllib.parse import unquote

from tests.emulators.assumed_roles import AssumedRoles, CloudSession, permitted, trusts
from tests.emulators.oidc import BadToken, verified
from tests.emulators.proxy import Handler, Request, Response
from tests.emulators.signing import Denied, Key

LONGEST = 43200
SESSION_NAME = re.compile(r"[\w+=,.@-]{2,128}", re.ASCII)
EXTERNAL_ID = re.compile(r"[\w+=,.@:/-]{2,128}", re.ASCII)
PARAMETERS = {"RoleArn", "RoleSessionName", "DurationSeconds"}
CREDENTIALS = "/latest/meta-data/cam/security-credentials/"


def assume_role(cam: AssumedRoles, key: Key, asked: dict[str, Any]) -> dict[str, Any]:
    """STS AssumeRole; raises Denied."""
    if not PARAMETERS <= asked.keys() <= PARAMETERS | {"ExternalId", "Policy"}:
        refuse("InvalidParameter.ParamError", "invalid parameter")
    external_id = asked.get("ExternalId")
    if external_id is not None and not EXTERNAL_ID.fullmatch(external_id):
        refuse("InvalidParameter.ParamError", "ExternalId is malformed")
    arn = existing(cam, asked["RoleArn"])
    called = {f"qcs::cam::uin/{key.account}:root", f"qcs::cam::uin/{key.account}:uin/{key.principal}"}
    context = {"sts:external_id": {external_id}} if external_id is not None else {}
    trusted = trusts(cam.roles[arn].trust, "name/sts:AssumeRole", {"qcs": called}, context)
    if not trusted or not cam.may(key, "sts:AssumeRole"):
        refuse_unauthorized("AssumeRole", arn)
    allowed = None
    if "Policy" in asked:
        try:
            allowed = permitted(unquote(asked["Policy"]))
        except ValueError:
            refuse("InvalidParameter.StrategyFormatError", "the policy's syntax is wrong")
        if "{" in asked["Policy"]:
            refuse("InvalidParameter.StrategyFormatError", "the policy is to be encoded for URLs")
    return lent(cam, arn, asked, allowed)


def assume_role_with_web_identity(cam: AssumedRoles, asked: dict[str, Any]) -> dict[str, Any]:
    """STS AssumeRoleWithWebIdentity; raises Denied."""
    if asked.keys() != PARAMETERS | {"ProviderId", "WebIdentityToken"}:
        refuse("InvalidParameter.ParamError", "invalid parameter")
    arn, provider = existing(cam, asked["RoleArn"]), cam.identity_providers.get(asked["ProviderId"])
    try:
        claims = verified(asked["WebIdentityToken"], cam.web, cam.now().timestamp())
    except BadToken as bad:
        refuse("InvalidParameter.WebIdentityTokenError", f"web identity token error: {bad.fault}")
    audiences = set(claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]])
    if provider is None or claims["iss"] != provider.issuer or not audiences & provider.clients:
        refuse(
            "InvalidParameter.WebIdentityTokenError", "web identity token error: no provider of this issuer"
        )
    account = account_of(arn)
    principal = {"federated": {f"qcs::cam::uin/{account}:oidc-provider/{asked['ProviderId']}"}}
    context = {"oidc:iss": {claims["iss"]}, "oidc:aud": audiences, "oidc:sub": {claims["sub"]}}
    if not trusts(cam.roles[arn].trust, "name/sts:AssumeRoleWithWebIdentity", principal, context):
        refuse_unauthorized("AssumeRoleWithWebIdentity", arn)
    return lent(cam, arn, asked, None)


def machine(cam: AssumedRoles, name: str, session: CloudSession) -> Handler:
    """The metadata service of a machine that has the role `name`, with these keys of it."""

    def service(request: Request) -> Response:
        if request.method != "GET" or not request.path.startswith(CREDENTIALS) or not name:
            return Response(404)
        if request.path == CREDENTIALS:
            return Response(200, {}, name.encode())
        if request.path != CREDENTIALS + name or session.ends <= cam.clock():
            return Response(404)
        return Response.json(answer(session) | {"Code": "Success"})

    return service


def existing(cam: AssumedRoles, arn: str) -> str:
    """The role that is asked for; raises Denied."""
    if arn not in cam.roles:
        refuse("InternalError.GetRoleError", "role not exist")
    return arn


def account_of(arn: str) -> str:
    """Whose role it is."""
    return arn.removeprefix("qcs::cam::uin/").partition(":")[0]


def lent(
    cam: AssumedRoles, arn: str, asked: dict[str, Any], allowed: frozenset[str] | None
) -> dict[str, Any]:
    """A session of the role; raises Denied."""
    if not SESSION_NAME.fullmatch(asked["RoleSessionName"]):
        refuse("InvalidParameter.ParamError", "RoleSessionName is malformed")
    if not 0 < asked["DurationSeconds"] <= min(LONGEST, cam.roles[arn].longest):
        refuse("InvalidParameter.OverTimeError", "the duration is over the role's longest")
    session = cam.begin(arn, account_of(arn), asked["RoleSessionName"], asked["DurationSeconds"], allowed)
    told = answer(session)
    keys = {name: told.pop(name) for name in ("TmpSecretId", "TmpSecretKey", "Token")}
    return {"Credentials": keys, **told}


def answer(session: CloudSession) -> dict[str, Any]:
    """A session's keys and its end, as STS and the metadata service name them."""
    return {
        "TmpSecretId": session.key.id,
        "TmpSecretKey": session.key.secret,
        "Token": session.key.token,
        "ExpiredTime": int(session.ends.timestamp()),
        "Expiration": f"{session.ends:%Y-%m-%dT%H:%M:%SZ}",
    }


def refuse_unauthorized(action: str, arn: str) -> NoReturn:
    """Refuse who may not, and whom the role does not trust."""
    refuse(
        "UnauthorizedOperation",
        f"you are not authorized to perform operation (sts:{action})\nresource ({arn}) has no permission\n",
    )


def refuse(code: str, why: str) -> NoReturn:
    """Refuse as the API does."""
    raise Denied(200, code, why)

"""Alibaba Cloud's STS: roles of RAM that are taken on with a key, or with a token of an identity provider.

The calls: https://www.alibabacloud.com/help/en/ram/developer-reference/api-sts-2015-04-01-assumerole and
.../api-sts-2015-04-01-assumerolewithoidc; their refusals: .../api-sts-2015-04-01-errorcodes. One of RAM's own
tells which policy it is for: https://www.alibabacloud.com/help/en/ram/support/
how-to-troubleshoot-an-access-denied-error.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from tests.emulators.assumed_roles import AssumedRoles, CloudSession, permitted, trusts
from tests.emulators.oidc import BadToken, verified
from tests.emulators.proxy import Handler, Request, Response
from tests.emulators.signing import Denied, Key

SHORTEST = 900
SESSION_NAME = re.compile(r"[A-Za-z0-9.@_-]{2,64}")
EXTERNAL_ID = re.compile(r"[\w+=,.@:/-]{2,1224}", re.ASCII)
PARAMETERS = {"RoleArn", "RoleSessionName", "DurationSeconds"}
CREDENTIALS = "/latest/meta-data/ram/security-credentials/"
MACHINE_TOKEN = "cAnArY-imds-token"


@dataclass(frozen=True, slots=True)
class NoPermission(Denied):
    """RAM's refusal, with the type of the policy that does not let it."""

    policy: str = ""


def assume_role(ram: AssumedRoles, key: Key, asked: Mapping[str, str]) -> dict[str, Any]:
    """STS AssumeRole; raises Denied."""
    known(asked, {"ExternalId", "Policy"})
    external_id = asked.get("ExternalId")
    if external_id is not None and not EXTERNAL_ID.fullmatch(external_id):
        refuse(400, "InvalidParameter.ExternalId", "The parameter ExternalId is wrongly formed.")
    if key.principal == "root":
        refuse(403, "NoPermission", "Roles may not be assumed by root accounts.")
    if not ram.may(key, "sts:AssumeRole"):
        refuse_unauthorized("NoPermission", "AccountLevelIdentityBasedPolicy", status=403)
    arn = existing(ram, asked["RoleArn"])
    called = {f"acs:ram::{key.account}:root", f"acs:ram::{key.account}:user/{key.principal}"}
    context = {"sts:ExternalId": {external_id}} if external_id is not None else {}
    if not trusts(ram.roles[arn].trust, "sts:AssumeRole", {"ram": called}, context):
        refuse_unauthorized("NoPermission", "AssumeRolePolicy", status=403)
    return lent(ram, arn, asked)


def assume_role_with_oidc(ram: AssumedRoles, asked: Mapping[str, str]) -> dict[str, Any]:
    """STS AssumeRoleWithOIDC; raises Denied."""
    known(asked, {"OIDCProviderArn", "OIDCToken", "Policy", "Format"})
    provider = ram.identity_providers.get(asked.get("OIDCProviderArn", ""))
    if provider is None:
        refuse(401, "AuthenticationFail.NoPermission", "No such OIDC Provider registered.")
    try:
        claims = verified(asked["OIDCToken"], ram.web, ram.now().timestamp())
    except BadToken as bad:
        codes = {"expired": "Expired", "signature": "InvalidSignature"}
        refuse(401, f"AuthenticationFail.OIDCToken.{codes.get(bad.fault, 'Invalid')}", f"Token: {bad.fault}.")
    audiences = set(claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]])
    if claims["iss"] != provider.issuer:
        refuse(401, "AuthenticationFail.OIDCToken.Invalid", "The issuer is not the provider's.")
    if not audiences & provider.clients:
        refuse(401, "AuthenticationFail.OIDCToken.AudienceNotMatch", "Invalid audience.")
    arn = existing(ram, asked["RoleArn"])
    context = {"oidc:iss": {claims["iss"]}, "oidc:aud": audiences, "oidc:sub": {claims["sub"]}}
    principal = {"federated": {asked["OIDCProviderArn"]}}
    if not trusts(ram.roles[arn].trust, "sts:AssumeRole", principal, context):
        refuse_unauthorized("AuthenticationFail.NoPermission", "AssumeRolePolicy", status=401)
    return lent(ram, arn, asked)


def machine(ram: AssumedRoles, name: str, session: CloudSession, *, hardened: bool = True) -> Handler:
    """The metadata service of an instance that has the role `name`, with these keys of it.

    A hardened one answers to its token alone; one of the old kind has none.
    """

    def service(request: Request) -> Response:
        if request.path == "/latest/api/token":
            lasts = request.headers.get("x-aliyun-ecs-metadata-token-ttl-seconds", "")
            good = hardened and request.method == "PUT" and lasts.isdigit() and 0 < int(lasts) <= 21600
            return Response(200, {}, MACHINE_TOKEN.encode()) if good else Response(404)
        if hardened and request.headers.get("x-aliyun-ecs-metadata-token") != MACHINE_TOKEN:
            return Response(403)
        if request.method != "GET" or not request.path.startswith(CREDENTIALS) or not name:
            return Response(404)
        if request.path == CREDENTIALS:
            return Response(200, {}, name.encode())
        if request.path != CREDENTIALS + name or session.ends <= ram.clock():
            return Response(404)
        return Response.json(answer(session) | {"Code": "Success"})

    return service


def existing(ram: AssumedRoles, arn: str) -> str:
    """The role that is asked for; raises Denied."""
    if arn not in ram.roles:
        refuse(404, "EntityNotExist.Role", "The specified Role not exists.")
    return arn


def known(asked: Mapping[str, str], more: set[str]) -> None:
    """The call's own parameters, with all that it must have; raises Denied."""
    if not PARAMETERS <= asked.keys() <= PARAMETERS | more:
        refuse(400, "MissingParameter", "a parameter is missing, or is none of this call's")


def lent(ram: AssumedRoles, arn: str, asked: Mapping[str, str]) -> dict[str, Any]:
    """A session of the role; raises Denied."""
    name, seconds = asked["RoleSessionName"], int(asked["DurationSeconds"])
    if not SESSION_NAME.fullmatch(name):
        refuse(400, "InvalidParameter.RoleSessionName", "The parameter RoleSessionName is wrongly formed.")
    if not SHORTEST <= seconds <= ram.roles[arn].longest:
        refuse(400, "InvalidParameter.DurationSeconds", "The Min/Max value of DurationSeconds is 15min/1hr.")
    try:
        allowed = permitted(asked["Policy"]) if "Policy" in asked else None
    except ValueError:
        refuse(400, "InvalidParameter.PolicyGrammar", "The parameter Policy has not passed grammar check.")
    if len(asked.get("Policy", "")) > 2048:
        refuse(400, "InvalidParameter.PolicySize", "The size of Policy must be smaller than 2048 bytes.")
    session = ram.begin(arn, arn.split(":")[3], name, seconds, allowed)
    user = {"Arn": assumed(session), "AssumedRoleId": f"300000000000000000:{name}"}
    return {"Credentials": answer(session), "AssumedRoleUser": user}


def assumed(session: CloudSession) -> str:
    """What a session is called."""
    account, role = session.key.account, session.role.rpartition("/")[2]
    return f"acs:ram::{account}:assumed-role/{role}/{session.name}"


def answer(session: CloudSession) -> dict[str, str]:
    """A session's keys and its end, as STS and the metadata service name them."""
    return {
        "AccessKeyId": session.key.id,
        "AccessKeySecret": session.key.secret,
        "SecurityToken": session.key.token,
        "Expiration": f"{session.ends:%Y-%m-%dT%H:%M:%SZ}",
    }


def refuse(status: int, code: str, why: str) -> NoReturn:
    """Refuse as STS does."""
    raise Denied(status, code, why)


def refuse_unauthorized(code: str, policy: str, *, status: int) -> NoReturn:
    """Refuse as RAM does."""
    why = "You are not authorized to do this action. You should be authorized by RAM."
    raise NoPermission(status, code, why, policy)

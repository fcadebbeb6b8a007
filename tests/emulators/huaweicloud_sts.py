"""Huawei Cloud's STS: agencies that are taken on with a key, or with a token of an identity provider.

The calls: AssumeAgency and AssumeAgencyWithOIDC of https://support.huaweicloud.com/api-iam5/. STS5.1001 and
PAP5.0012 are what it answers others; the words of what is too long, and of distrust, are assumed.
"""

import re
from collections.abc import Mapping
from typing import Any, NoReturn

from tests.emulators.assumed_roles import AssumedRoles, CloudSession, permitted, trusts
from tests.emulators.oidc import BadToken, verified
from tests.emulators.proxy import Handler, Request, Response
from tests.emulators.signing import Denied, Key

ASSUME = "/v5/agencies/assume"
ASSUME_WITH_OIDC = "/v5/agencies/assume-with-oidc"
SHORTEST, LONGEST, LONGEST_CHAINED = 900, 43200, 3600
SESSION_NAME = re.compile(r"[\w+=,.@-]{2,128}", re.ASCII)
EXTERNAL_ID = re.compile(r"[\w+=,.@:/-]{2,1224}", re.ASCII)
PARAMETERS = {"agency_urn", "agency_session_name", "duration_seconds"}
SECURITY_KEY = "/openstack/latest/securitykey"
MACHINE_TOKEN = "the-machine's-own-token"


def assume(iam: AssumedRoles, key: Key, asked: Mapping[str, Any]) -> dict[str, Any]:
    """AssumeAgency; raises Denied."""
    check(asked, PARAMETERS, {"external_id", "policy"})
    external_id = asked.get("external_id")
    if external_id is not None and not EXTERNAL_ID.fullmatch(external_id):
        refuse(400, "STS5.0001", "invalid external_id")
    urn = existing(iam, asked["agency_urn"])
    if not iam.may(key, "sts:agencies:assume"):
        refuse(403, "STS5.1001", "access denied: no identity-based policy allows sts:agencies:assume")
    called = {f"iam::{key.account}:root", f"iam::{key.account}:user:{key.principal}"}
    context = {"sts:ExternalId": {external_id}} if external_id is not None else {}
    if not trusts(iam.roles[urn].trust, "sts:agencies:assume", {"iam": called}, context):
        refuse(403, "STS5.1001", "access denied: no resource-based policy allows sts:agencies:assume")
    if key.token and asked["duration_seconds"] > LONGEST_CHAINED:
        refuse(400, "STS5.0001", "invalid duration_seconds: the agencies are chained")
    return lent(iam, urn, asked)


def assume_with_oidc(iam: AssumedRoles, asked: Mapping[str, Any]) -> dict[str, Any]:
    """AssumeAgencyWithOIDC; raises Denied."""
    check(asked, PARAMETERS | {"provider_urn", "id_token"}, {"policy"})
    urn, provider = existing(iam, asked["agency_urn"]), iam.identity_providers.get(asked["provider_urn"])
    try:
        claims = verified(asked["id_token"], iam.web, iam.now().timestamp())
    except BadToken as bad:
        refuse(400, "STS5.2001", f"invalid id_token: {bad.fault}")
    audiences = set(claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]])
    if provider is None or claims["iss"] != provider.issuer or not audiences & provider.clients:
        refuse(400, "STS5.2001", "the audience of the id_token is no client id of the provider")
    context = {"oidc:iss": {claims["iss"]}, "oidc:aud": audiences, "oidc:sub": {claims["sub"]}}
    action = "sts:agencies:assumeWithOIDC"
    if not trusts(iam.roles[urn].trust, action, {"federated": {asked["provider_urn"]}}, context):
        refuse(403, "STS5.1001", f"access denied: no identity-based policy allows {action}")
    return lent(iam, urn, asked)


def machine(iam: AssumedRoles, session: CloudSession | None, *, wants_a_token: bool = True) -> Handler:
    """The metadata service of a machine with an agency (None: without one), and these keys of it."""

    def service(request: Request) -> Response:
        if (request.method, request.path) == ("PUT", "/meta-data/latest/api/token"):
            wanted = wants_a_token and request.headers.get("x-metadata-token-ttl-seconds", "").isdecimal()
            return Response(200, {}, MACHINE_TOKEN.encode()) if wanted else Response(404)
        if (request.method, request.path) != ("GET", SECURITY_KEY):
            return Response(404)
        if wants_a_token and request.headers.get("x-metadata-token") != MACHINE_TOKEN:
            return Response(401)
        if session is None or session.ends <= iam.clock():
            return Response(401, {}, b"Please configure Cloud Service Agency first")
        told = {"access": session.key.id, "secret": session.key.secret, "securitytoken": session.key.token}
        return Response.json(
            {"credential": {**told, "expires_at": f"{session.ends:%Y-%m-%dT%H:%M:%S.000000Z}"}}
        )

    return service


def check(asked: Mapping[str, Any], needed: set[str], allowed: set[str]) -> None:
    """Refuse a body that is not of the call."""
    if not needed <= asked.keys() <= needed | allowed:
        refuse(400, "STS5.0001", "invalid request body")
    if not SESSION_NAME.fullmatch(asked["agency_session_name"]):
        refuse(400, "STS5.0001", "invalid agency_session_name")


def existing(iam: AssumedRoles, urn: str) -> str:
    """The agency that is asked for; raises Denied."""
    if urn not in iam.roles:
        refuse(404, "PAP5.0012", "no such agency")
    return urn


def lent(iam: AssumedRoles, urn: str, asked: Mapping[str, Any]) -> dict[str, Any]:
    """A session of the agency; raises Denied."""
    seconds = asked["duration_seconds"]
    if not SHORTEST <= seconds <= min(LONGEST, iam.roles[urn].longest):
        refuse(400, "STS5.0001", "invalid duration_seconds: longer than the maximum session duration")
    allowed = None
    if "policy" in asked:
        try:
            allowed = permitted(asked["policy"])
        except ValueError:
            refuse(400, "PAP5.0011", "malformed policy document")
    account, name = urn.split(":")[2], asked["agency_session_name"]
    session = iam.begin(urn, account, name, seconds, allowed)
    return {
        "credentials": {
            "access_key_id": session.key.id,
            "secret_access_key": session.key.secret,
            "security_token": session.key.token,
            "expiration": f"{session.ends:%Y-%m-%dT%H:%M:%S.%fZ}",
        },
        "assumed_agency": {"urn": session_urn(session), "id": f"id-of-agency:{name}"},
    }


def session_urn(session: CloudSession) -> str:
    """What a session is called."""
    return f"sts::{session.key.account}:assumed-agency:{session.role.partition(':agency:')[2]}/{session.name}"


def refuse(status: int, code: str, why: str) -> NoReturn:
    """Refuse as the API does."""
    raise Denied(status, code, why)

"""Taking on AWS's roles: what moto does not look at and that can go wrong, in the service's words.

https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html and API_AssumeRoleWithWebIdentity.html
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from moto.iam.models import IAMBackend

from tests.emulators.aws_trust import Asking, Trust, trust
from tests.emulators.oidc import BadToken, verified
from tests.emulators.proxy import Handler
from tests.emulators.signing import Denied, Key

LONGEST_CHAINED = 3600
_SESSION_NAME = re.compile(r"[\w+=,.@-]{2,64}", re.ASCII)
_EXTERNAL_ID = re.compile(r"[\w+=,.@:/-]{2,1224}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Taken:
    """A session: until when, what narrows it, and its name in the trail."""

    ends: datetime
    policy: str | None
    name: str


class Roles:
    """The sessions of an account's roles by access key; `web` is where identity providers show their keys."""

    def __init__(self, iam: Callable[[], IAMBackend], now: Callable[[], datetime]) -> None:
        self.iam, self.now = iam, now
        self.web: dict[str, Handler] = {}
        self.taken: dict[str, Taken] = {}

    def check(self, form: Mapping[str, str], key: Key, *, allowed: bool) -> None:
        """Refuse what AssumeRole refuses; `allowed` is what the policies of who asks say to it."""
        self._check_form(form)
        role = self._role(form["RoleArn"])
        context = {"sts:ExternalId": form["ExternalId"]} if "ExternalId" in form else {}
        trusted = Trust.NONE
        if role is not None:
            asking = Asking("sts:AssumeRole", key.principal, context=context)
            trusted = trust(_document(role), asking)
        if trusted is Trust.NONE or (trusted is Trust.ACCOUNT and not allowed):
            what = f"sts:AssumeRole on resource: {form['RoleArn']}"
            raise Denied(403, "AccessDenied", f"User: {key.principal} is not authorized to perform: {what}")
        if key.token and int(form["DurationSeconds"]) > LONGEST_CHAINED:
            said = "exceeds the 1 hour session limit for roles assumed by role chaining"
            raise Denied(400, "ValidationError", f"The requested DurationSeconds {said}")
        self._check_length(role, form)

    def check_token(self, form: Mapping[str, str]) -> None:
        """Refuse what AssumeRoleWithWebIdentity refuses."""
        self._check_form(form)
        try:
            claims = verified(form["WebIdentityToken"], self.web, self.now().timestamp())
        except BadToken as bad:
            raise self._bad(bad) from None
        issuer = str(claims["iss"]).removeprefix("https://")
        arn = f"arn:aws:iam::{form['RoleArn'].split(':')[4]}:oidc-provider/{issuer}"
        provider = self.iam().open_id_providers.get(arn)
        if provider is None:
            said = f"No OpenIDConnect provider found in your account for {claims['iss']}"
            raise Denied(400, "InvalidIdentityToken", said)
        if claims["aud"] not in provider.client_id_list:
            raise Denied(400, "InvalidIdentityToken", "Incorrect token audience")
        context = {f"{issuer}:{claim}": str(claims[claim]) for claim in ("aud", "sub")}
        asking = Asking("sts:AssumeRoleWithWebIdentity", arn, federated=True, context=context)
        role = self._role(form["RoleArn"])
        if role is None or trust(_document(role), asking) is Trust.NONE:
            said = "Not authorized to perform sts:AssumeRoleWithWebIdentity"
            raise Denied(403, "AccessDenied", said)
        self._check_length(role, form)

    def noted(self, form: Mapping[str, str], answer: bytes) -> bytes:
        """The answer with its end by this account's clock; the session is known from now on."""
        ends = self.now() + timedelta(seconds=int(form["DurationSeconds"]))
        found = re.search(rb"<AccessKeyId>([^<]+)</AccessKeyId>", answer)
        assert found, answer
        self.taken[found[1].decode()] = Taken(ends, form.get("Policy"), form["RoleSessionName"])
        stamp = f"<Expiration>{ends:%Y-%m-%dT%H:%M:%SZ}</Expiration>".encode()
        changed, count = re.subn(rb"<Expiration>[^<]+</Expiration>", stamp, answer)
        assert count == 1, answer
        return changed

    def check_key(self, id_: str, role_arn: str) -> None:
        """Refuse the keys of a session that is over, or whose role is gone."""
        taken = self.taken.get(id_)
        if taken is None:
            return
        if taken.ends <= self.now():
            said = "The security token included in the request is expired"
            raise Denied(403, "ExpiredToken", said)
        if self._role(role_arn) is None:
            said = "The security token included in the request is invalid."
            raise Denied(403, "InvalidClientTokenId", said)

    def _role(self, arn: str) -> Any:
        return next((role for role in self.iam().roles.values() if role.arn == arn), None)

    def _check_form(self, form: Mapping[str, str]) -> None:
        rules = {"RoleSessionName": _SESSION_NAME, "ExternalId": _EXTERNAL_ID}
        for name, rule in rules.items():
            if name in form and not rule.fullmatch(form[name]):
                said = f"1 validation error detected: Value '{form[name]}' at '{name}' failed to satisfy"
                raise Denied(400, "ValidationError", said)
        if not 900 <= int(form["DurationSeconds"]) <= 43200:
            said = "1 validation error detected: Value at 'durationSeconds' failed to satisfy constraint"
            raise Denied(400, "ValidationError", said)
        if "Policy" in form:
            json.loads(form["Policy"])

    def _check_length(self, role: Any, form: Mapping[str, str]) -> None:
        if int(form["DurationSeconds"]) > int(role.max_session_duration):
            said = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
            raise Denied(400, "ValidationError", said)

    def _bad(self, bad: BadToken) -> Denied:
        if bad.fault == "expired":
            said = f"Token expired: current date/time {self.now()} must be before the expiration"
            return Denied(400, "ExpiredTokenException", said)
        if bad.fault == "issuer":
            said = f"No OpenIDConnect provider found in your account for {bad.issuer}"
            return Denied(400, "InvalidIdentityToken", said)
        return Denied(400, "InvalidIdentityToken", f"Provided Token is not valid: {bad.fault}")


def _document(role: Any) -> str:
    document = role.assume_role_policy_document
    return document if isinstance(document, str) else json.dumps(document)

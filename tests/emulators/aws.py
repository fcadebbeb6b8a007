"""AWS, which checks SigV4 for real: moto behind a gate that moto has not.

The gate checks signatures by its own reading of "Create a signed AWS API request"
(https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html), their time,
whether keys are active, and by moto's evaluation what policies allow; moto checks the signatures of STS once
more, and answers. IAM's simulation of policies, which moto lacks, is answered here; who may take a role on,
for how long, and when sessions end, `tests.emulators.aws_roles` decides.
"""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import NoReturn
from xml.sax.saxutils import escape

from moto.acm.models import acm_backends
from moto.core.authorization import enable_iam_authentication
from moto.iam.access_control import IAMPolicy, PermissionResult
from moto.iam.models import IAMBackend, iam_backends
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from moto.route53.models import route53_backends
from moto.sts.models import sts_backends
from werkzeug.test import Client

from tests.emulators.aws_roles import Roles
from tests.emulators.proxy import Request, Response
from tests.emulators.signing import (
    REQUEST_ID,
    Denied,
    Key,
    basic_time,
    canonical_query,
    encoded,
    mac,
    parts,
    same,
    sha256,
)

ALGORITHM = "AWS4-HMAC-SHA256"
AWS_WINDOW = timedelta(minutes=5)
ACCOUNT, REGION = "123456789012", "us-east-1"
HOSTS = (
    "sts.us-east-1.amazonaws.com",
    "sts.eu-central-1.amazonaws.com",
    "iam.amazonaws.com",
    "route53.amazonaws.com",
    "acm.us-east-1.amazonaws.com",
    "acm.eu-central-1.amazonaws.com",
)
_MOTO = DomainDispatcherApplication(create_backend_app)
_MOTOS_NAMES = {
    "authorization": "Authorization",
    "x-amz-date": "X-Amz-Date",
    "x-amz-security-token": "X-Amz-Security-Token",
}
_PATHS = {
    "GET /2013-04-01/hostedzone": "ListHostedZones",
    "GET /2013-04-01/hostedzonesbyname": "ListHostedZonesByName",
    "GET /2013-04-01/hostedzone/[A-Z0-9]+": "GetHostedZone",
    "GET /2013-04-01/hostedzone/[A-Z0-9]+/rrset": "ListResourceRecordSets",
    "POST /2013-04-01/hostedzone/[A-Z0-9]+/rrset": "ChangeResourceRecordSets",
    "GET /2013-04-01/change/[A-Z0-9]+": "GetChange",
}


def canonical_request(request: Request, signed_headers: str) -> str:
    """Method, path, query, headers, their names, hash of the body: step 1."""
    path = "/".join(encoded(part) for part in request.path.split("/"))
    headers = "".join(
        f"{name}:{request.headers.get(name, '').strip()}\n" for name in signed_headers.split(";")
    )
    query = canonical_query(request.query)
    return f"{request.method}\n{path}\n{query}\n{headers}\n{signed_headers}\n{sha256(request.body)}"


def signature(request: Request, secret: str, scope: str, signed_headers: str) -> str:
    """The signature that this request must have: steps 2 to 4; `scope` is as in Credential."""
    hashed = sha256(canonical_request(request, signed_headers).encode())
    text = f"{ALGORITHM}\n{request.headers['x-amz-date']}\n{scope}\n{hashed}"
    return mac(f"AWS4{secret}".encode(), *scope.split("/"), text).hex()


class Aws:
    """One account with users and roles; answers for STS, IAM, Route 53 and ACM."""

    def __init__(self) -> None:
        self.now: Callable[[], datetime] = lambda: datetime.now(UTC)
        self.roles = Roles(lambda: self.iam, lambda: self.now())
        self._asked: set[str] = set()

    def used(self) -> set[str]:
        """The users and roles that asked since this was asked last, by name."""
        asked, self._asked = self._asked, set()
        return {principal.rpartition("/")[2] for principal in asked}

    @property
    def iam(self) -> IAMBackend:
        """Moto's users, roles and policies."""
        return iam_backends[ACCOUNT]["aws"]

    def user(self, name: str, *allowed: str) -> Key:
        """A new user who may do what is `allowed`, and an access key of theirs."""
        user = self.iam.create_user(REGION, name)
        if allowed:
            self.allow(name, *allowed)
        key = user.create_access_key("AKIA")
        return Key(key.access_key_id, key.secret_access_key, ACCOUNT, user.arn)

    def allow(self, name: str, *allowed: str) -> None:
        """Let the user do this, and nothing else from now on."""
        self.iam.put_user_policy(name, "allowed", _policy(allowed))

    def session(self, role: str, *allowed: str) -> Key:
        """Temporary keys of a new role that may do what is `allowed`."""
        made = self.iam.create_role(role, "{}", "/", None, "", [], None)
        self.iam.put_role_policy(role, "allowed", _policy(allowed))
        assumed = sts_backends[ACCOUNT]["aws"].assume_role(REGION, "a-session", made.arn, "", 3600, "")
        arn = f"arn:aws:sts::{ACCOUNT}:assumed-role/{role}/a-session"
        return Key(assumed.access_key_id, assumed.secret_access_key, ACCOUNT, arn, assumed.session_token)

    def role(self, name: str, trust: str, *allowed: str, seconds: int = 3600) -> str:
        """A new role that trusts as the document says, and may do what is `allowed`; its ARN."""
        made = self.iam.create_role(name, trust, "/", None, "", [], str(seconds))
        self.iam.put_role_policy(name, "allowed", _policy(allowed))
        return str(made.arn)

    def __call__(self, request: Request) -> Response:
        """What the service answers, with the time of its own clock."""
        try:
            answer = self._answer(request)
        except Denied as refusal:
            answer = _refusal(request, refusal)
        return Response(
            answer.status, {**answer.headers, "Date": format_datetime(self.now(), usegmt=True)}, answer.body
        )

    def _answer(self, request: Request) -> Response:
        if operation(request) == "AssumeRoleWithWebIdentity" and "authorization" not in request.headers:
            self.roles.check_token(request.form)
            return self._taken_on(request)
        key = self.authenticated(request)
        self._asked.add(key.principal)
        if operation(request) == "AssumeRole":
            self.roles.check(request.form, key, allowed=self._allows(key, "sts:AssumeRole"))
            return self._taken_on(request)
        return self._simulated(request, key) if simulates(request) else self._served(request, key)

    def _taken_on(self, request: Request) -> Response:
        answer = _moto(request)
        return Response(answer.status, answer.headers, self.roles.noted(request.form, answer.body))

    def authenticated(self, request: Request) -> Key:
        """Whose request it is; raises Denied."""
        given = parts(request.headers.get("authorization", ""), ALGORITHM)
        if set(given) != {"Credential", "SignedHeaders", "Signature"}:
            deny(403, "MissingAuthenticationToken", "Missing Authentication Token")
        id_, _, scope = given["Credential"].partition("/")
        signed, date = given["SignedHeaders"].split(";"), basic_time(request.headers.get("x-amz-date", ""))
        must = {"host", *(name for name in request.headers if name.startswith("x-amz-"))}
        if date is None or not must <= set(signed):
            deny(403, "SignatureDoesNotMatch", f"must be signed: {', '.join(sorted(must))}")
        if scope.split("/")[0] != f"{date:%Y%m%d}" or scope.split("/")[2] != request.host.split(".")[0]:
            deny(
                403, "SignatureDoesNotMatch", "Credential should be scoped to the request's date and service."
            )
        self._check_time(date)
        key = self._key(id_, request.headers.get("x-amz-security-token", ""))
        if not same(given["Signature"], signature(request, key.secret, scope, given["SignedHeaders"])):
            deny(
                403,
                "SignatureDoesNotMatch",
                "The request signature we calculated does not match the signature you provided. Check your "
                "AWS Secret Access Key and signing method. Consult the service documentation for details.",
            )
        return key

    def _check_time(self, date: datetime) -> None:
        now = self.now()
        if abs(now - date) <= AWS_WINDOW:
            return
        word, bound = ("expired", now - AWS_WINDOW) if date < now else ("not yet current", now + AWS_WINDOW)
        than = "earlier" if date < now else "later"
        deny(
            403,
            "SignatureDoesNotMatch",
            f"Signature {word}: {date:%Y%m%dT%H%M%SZ} is {'now' if date < now else 'still'} {than} than "
            f"{bound:%Y%m%dT%H%M%SZ} ({now:%Y%m%dT%H%M%SZ} {'-' if date < now else '+'} 5 min.)",
        )

    def _key(self, id_: str, token: str) -> Key:
        invalid = Denied(
            403, "InvalidClientTokenId", "The security token included in the request is invalid."
        )
        for user in self.iam.users.values():
            for key in user.access_keys:
                if key.access_key_id == id_ and key.status == "Active" and not token:
                    return Key(id_, key.secret_access_key, ACCOUNT, user.arn)
        for role in sts_backends[ACCOUNT]["aws"].assumed_roles:
            if role.access_key_id == id_ and role.session_token == token:
                self.roles.check_key(id_, role.role_arn)
                return Key(id_, role.secret_access_key, ACCOUNT, role.role_arn, token)
        raise invalid

    def _served(self, request: Request, key: Key) -> Response:
        """What moto answers, where a policy allows it; STS tells everybody who they are."""
        service = request.host.partition(".")[0]
        if service != "sts":
            action = f"{service}:{operation(request)}"
            if not self._allows(key, action):
                deny(403, "AccessDenied", f"User: {key.principal} is not authorized to perform: {action}")
        with enable_iam_authentication() if service == "sts" else nullcontext():
            return _moto(request)

    def _simulated(self, request: Request, key: Key) -> Response:
        """IAM SimulatePrincipalPolicy, of a principal of this account."""
        asked = request.form
        if asked["PolicySourceArn"] not in (key.principal, *(role.arn for role in self.iam.roles.values())):
            deny(404, "NoSuchEntity", f"The principal {asked['PolicySourceArn']} can not be found.")
        if not self._allows(key, "iam:SimulatePrincipalPolicy"):
            deny(
                403,
                "AccessDenied",
                f"User: {key.principal} is not authorized to perform: iam:SimulatePrincipalPolicy",
            )
        actions = [value for name, value in asked.items() if name.startswith("ActionNames.member.")]
        results = "".join(
            f"<member><EvalActionName>{escape(action)}</EvalActionName><EvalDecision>"
            f"{'allowed' if self._allows(key, action) else 'implicitDeny'}</EvalDecision></member>"
            for action in actions
        )
        result = f"<EvaluationResults>{results}</EvaluationResults><IsTruncated>false</IsTruncated>"
        return _xml("SimulatePrincipalPolicyResponse", f"<SimulatePrincipalPolicyResult>{result}"
                    "</SimulatePrincipalPolicyResult>")  # fmt: skip

    def _allows(self, key: Key, action: str) -> bool:
        """By the inline policies of the user or role."""
        name = key.principal.rpartition("/")[2]
        roles = {role.name: role for role in self.iam.roles.values()}
        documents = (self.iam.users.get(name) or roles[name]).policies.values()
        taken = self.roles.taken.get(key.id)
        narrowed = taken is None or taken.policy is None or _permits(taken.policy, action)
        return narrowed and any(_permits(one, action) for one in documents)


@contextmanager
def aws() -> Iterator[Aws]:
    """An account that nobody used before."""
    for backends in (iam_backends, sts_backends, route53_backends, acm_backends):
        backends.reset()  # type: ignore[no-untyped-call, unused-ignore]
    yield Aws()


def simulates(request: Request) -> bool:
    """Whether it is the one call that moto does not know."""
    return request.host == "iam.amazonaws.com" and b"Action=SimulatePrincipalPolicy" in request.body


def _moto(request: Request) -> Response:
    """What moto answers, with no more of its headers than the type."""
    answer = Client(_MOTO).open(
        request.path,
        method=request.method,
        base_url=f"https://{request.host}",
        query_string=request.query,
        headers={_MOTOS_NAMES.get(name, name): value for name, value in request.headers.items()},
        data=request.body,
    )
    with answer:
        kept = {name: value for name, value in answer.headers.items() if name.lower() == "content-type"}
        return Response(answer.status_code, kept, answer.data)


def _permits(document: str, action: str) -> bool:
    return IAMPolicy(document).is_action_permitted(action) is PermissionResult.PERMITTED


def _policy(allowed: tuple[str, ...]) -> str:
    statement = {"Effect": "Allow", "Action": list(allowed) or ["none:None"], "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def operation(request: Request) -> str:
    """The name of what is asked for: in the body's target, by its path, or in the form."""
    target = request.headers.get("x-amz-target", "").rpartition(".")[2]
    in_form = request.form.get("Action", "") if request.host.startswith(("sts.", "iam.")) else ""
    asked = f"{request.method} {request.path.rstrip('/')}"
    by_path = next((name for path, name in _PATHS.items() if re.fullmatch(path, asked)), "Unknown")
    return target or in_form or by_path


def _refusal(request: Request, refusal: Denied) -> Response:
    if "x-amz-target" in request.headers:  # a service that speaks JSON
        said = {"__type": f"{refusal.code}Exception", "message": refusal.message}
        return Response.json(said, 400)
    words = f"<Code>{refusal.code}</Code><Message>{escape(refusal.message)}</Message>"
    return _xml("ErrorResponse", f"<Error><Type>Sender</Type>{words}</Error>", refusal.status)


def _xml(name: str, body: str, status: int = 200) -> Response:
    request_id = f"<RequestId>{REQUEST_ID}</RequestId>"
    if status == 200:
        request_id = f"<ResponseMetadata>{request_id}</ResponseMetadata>"
    return Response(status, {"content-type": "text/xml"}, f"<{name}>{body}{request_id}</{name}>".encode())


def deny(status: int, code: str, why: str) -> NoReturn:
    """Refuse as the service does."""
    raise Denied(status, code, why)

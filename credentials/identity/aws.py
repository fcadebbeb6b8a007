"""AWS: STS GetCallerIdentity, which no policy can deny, signed SigV4 by boto3.

What it can't do: IAM's own simulation of the least privileges where the credential may ask for it, else one
read for each purpose. https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
"""

import os
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from credentials import privileges
from credentials.identity import (
    ClockSkew,
    Identity,
    IdentityError,
    Inconclusive,
    Rejected,
    Unreachable,
    sdk,
    words_of,
)
from credentials.identity.network import ca_file, skew, why
from credentials.identity.reads import ask, trying
from credentials.identity.values import text
from credentials.secret import SecretBytes

LOGGERS: Final = ("boto3", "botocore", "s3transfer")
_REGION: Final = "us-east-1"
_SKEWED: Final = re.compile(r"Signature (expired|not yet current)")
_CLOCK: Final = ("RequestTimeTooSkewed", "RequestExpired")
_REJECTED: Final = (
    "InvalidClientTokenId",
    "SignatureDoesNotMatch",
    "InvalidSignature",
    "UnrecognizedClient",
    "IncompleteSignature",
    "MissingAuthenticationToken",
    "ExpiredToken",
    "InvalidToken",
    "AuthFailure",
    "AccessDenied",
    "OptInRequired",
)
_DENIED: Final = ("AccessDenied", "UnauthorizedOperation", "Forbidden")
_ASSUMED: Final = re.compile(
    r"arn:(?P<partition>[^:]+):sts::(?P<account>\d+):assumed-role/(?P<role>[^/]+)/.*"
)

# call(service, operation, parameters) -> the answer
Call = Callable[[str, str, dict[str, Any]], dict[str, Any]]


def identify(kind: str, fields: Mapping[str, SecretBytes], timeout: float) -> Identity:
    """The account, and who in it; which of the least privileges it lacks."""
    call = caller(kind, fields, timeout)
    try:
        told = call("sts", "get_caller_identity", {})
    except Refused as refused:
        raise _translated(kind, refused, fields) from None
    simulated = _simulated(call, told["Arn"])
    if simulated is None:
        may, cannot = ask(
            {
                "apply: list zones (route53:ListHostedZones)": lambda: _may(
                    call, "route53", "list_hosted_zones", {"MaxItems": "1"}
                ),
                "deploy: list certificates (acm:ListCertificates)": lambda: _may(
                    call, "acm", "list_certificates", {"MaxItems": 1}
                ),
            }
        )
    else:
        may, cannot = {"simulated": "the least privileges, by IAM"}, simulated
    return Identity(told["Account"], told["Arn"], {"user id": told["UserId"], **may}, cannot)


class Refused(Exception):
    """The provider's error with nothing else of the exchange: `date` is the answer's, in its own clock."""

    def __init__(self, answer: Mapping[str, Any]) -> None:
        error, about = answer.get("Error", {}), answer.get("ResponseMetadata", {})
        self.code, self.words = str(error.get("Code", "")), str(error.get("Message", ""))
        self.request_id = str(about.get("RequestId", ""))
        self.date = about.get("HTTPHeaders", {}).get("date")
        super().__init__(self.code)

    @property
    def is_of_time(self) -> bool:
        """Whether it is the request's time that is refused."""
        return self.code in _CLOCK or bool(_SKEWED.match(self.words))


def caller(kind: str, fields: Mapping[str, SecretBytes], timeout: float) -> Call:
    """What calls an operation with these keys, in the region of `fields`, and raises Refused.

    Without an access-key-id nothing is signed: operations that carry their proof in a parameter want that.
    Raises Unreachable, PackageMissing, NotVerifiable.
    """
    with sdk(kind):
        import botocore.session
        from botocore import UNSIGNED
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError, ClientError

    # Profiles, files and endpoints of this machine are somebody else's: only the credential is asked about.
    session = botocore.session.get_session(
        {
            "profile": (None, [], None, None),
            "config_file": (None, None, os.devnull, None),
            "credentials_file": (None, None, os.devnull, None),
        }
    )
    signed = "access-key-id" in fields
    if signed:
        session.set_credentials(
            text(kind, fields, "access-key-id"),
            text(kind, fields, "secret-access-key"),
            text(kind, fields, "session-token") or None,
        )
    settings = Config(
        signature_version=None if signed else UNSIGNED,
        region_name=text(kind, fields, "region", _REGION),
        connect_timeout=timeout,
        read_timeout=timeout,
        retries={"total_max_attempts": 1},
        ignore_configured_endpoint_urls=True,
    )

    def call(service: str, operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
        try:
            client = session.create_client(service, config=settings, verify=ca_file())
            try:
                answer: dict[str, Any] = getattr(client, operation)(**parameters)
            finally:
                client.close()
        except ClientError as error:
            raise Refused(error.response) from None
        except BotoCoreError as error:
            raise Unreachable(kind, why(error, timeout)) from None
        return answer

    return call


def _simulated(call: Call, arn: str) -> tuple[str, ...] | None:
    """What IAM says that this principal can't do; None where it does not say."""
    least = privileges.load("aws").purposes
    purposes = {action: name for name, one in least.items() for action in one.privileges}
    role = _ASSUMED.fullmatch(arn)
    source = f"arn:{role['partition']}:iam::{role['account']}:role/{role['role']}" if role else arn
    try:
        answer = call(
            "iam", "simulate_principal_policy", {"PolicySourceArn": source, "ActionNames": list(purposes)}
        )
    except (Refused, IdentityError):
        return None
    return tuple(
        f"{purposes[one['EvalActionName']]}: {one['EvalActionName']}"
        for one in answer["EvaluationResults"]
        if one["EvalDecision"] != "allowed"
    )


_may = trying(Refused, lambda refused: refused.code.startswith(_DENIED))


def _translated(kind: str, refused: Refused, fields: Mapping[str, SecretBytes]) -> IdentityError:
    code, request_id = refused.code, refused.request_id
    words = words_of(refused.words, fields)
    if refused.is_of_time:
        return ClockSkew(kind, code=code, request_id=request_id, words=words, skew=skew(refused.date))
    if code.startswith(_REJECTED):
        return Rejected(kind, code=code, words=words, request_id=request_id)
    return Inconclusive(kind, code=code, words=words, request_id=request_id)

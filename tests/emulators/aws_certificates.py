"""AWS Certificate Manager: moto behind the gate of `tests.emulators.aws`, and the rules that moto lacks.

A key that is not the certificate's, a chain that is not its own, another type of key under the same ARN, and
the removal of what is used are refused; the list is in pages, and without `keyTypes` it hides EC keys.
https://docs.aws.amazon.com/acm/latest/userguide/import-certificate-prerequisites.html, import-reimport.html
"""

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any, NoReturn

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from moto.acm.models import CertBundle, acm_backends

from tests.emulators.aws import ACCOUNT, REGION, Aws, aws, operation
from tests.emulators.proxy import Request, Response
from tests.emulators.signing import Denied

HOSTS = tuple(f"acm.{region}.amazonaws.com" for region in ("us-east-1", "eu-central-1"))
PAGE = 2
_UNFILTERED = {"RSA_1024", "RSA_2048"}


class Acm:
    """An account's certificates: `calls` has each action that was asked for, by its IAM name."""

    def __init__(self, account: Aws) -> None:
        self.account = account
        self.calls: list[str] = []

    def certificates(self, region: str = REGION) -> dict[str, CertBundle]:
        """What is there, by ARN."""
        found: dict[str, CertBundle] = acm_backends[ACCOUNT][region]._certificates
        return found

    def use(self, arn: str, *by: str) -> None:
        """From now on this uses it, and nothing else."""
        self.certificates(arn.split(":")[3])[arn].in_use_by[:] = by

    def __call__(self, request: Request) -> Response:
        """What the service answers."""
        asked = operation(request)
        self.calls.append(f"acm:{asked}")
        region = request.host.split(".")[1]
        try:
            self._check(asked, region, request.json())
        except Denied as refused:
            refusal = {"__type": refused.code, "message": refused.message}
            answer = Response.json(refusal, refused.status)
            gate = self.account(request) if asked == "GetCertificate" else None
            return gate if gate is not None and gate.status != 200 else answer
        answer = self.account(request)
        if asked == "ListCertificates" and answer.status == 200:
            return _page(request.json(), json.loads(answer.body))
        return answer

    def _check(self, asked: str, region: str, given: dict[str, Any]) -> None:
        arn = given.get("CertificateArn")
        there = self.certificates(region)
        if asked == "ImportCertificate":
            _check_import(given, there.get(arn or ""))
        if asked == "DeleteCertificate" and arn in there and there[arn].in_use_by:
            refuse("ResourceInUseException", f"Certificate {arn} in account {ACCOUNT} is in use.")

    def taken(self) -> list[str]:
        """The actions that were asked for since this was asked last."""
        calls, self.calls = self.calls, []
        return calls


@contextmanager
def acm() -> Iterator[Acm]:
    """An account that nobody used before."""
    with aws() as account:
        yield Acm(account)


def refuse(code: str, words: str) -> NoReturn:
    """Refuse as the service does."""
    raise Denied(400, code, words)


def _check_import(given: dict[str, Any], old: CertBundle | None) -> None:
    certificate, key, chain = (
        base64.b64decode(given.get(each, "")) for each in ("Certificate", "PrivateKey", "CertificateChain")
    )
    leaf = x509.load_pem_x509_certificates(certificate)
    if len(leaf) != 1:
        refuse(
            "ValidationException",
            "The certificate field contains more than one certificate. You can specify only one certificate "
            "in this field.",
        )
    if load_pem_private_key(key, None).public_key() != leaf[0].public_key():
        refuse("ValidationException", "The private key doesn't match the certificate.")
    links = [*leaf, *(x509.load_pem_x509_certificates(chain) if chain else [])]
    for lower, upper in pairwise(links):
        try:
            lower.verify_directly_issued_by(upper)
        except (ValueError, TypeError, InvalidSignature):
            refuse("ValidationException", "Could not validate the certificate with the certificate chain.")
    if old is not None and _kind(old._cert.public_key()) != _kind(leaf[0].public_key()):
        refuse("ValidationException", "Key algorithm of the new certificate doesn't match the old one's.")


def _kind(key: Any) -> tuple[str, int]:
    return type(key).__name__, key.key_size


def _page(given: dict[str, Any], answer: dict[str, Any]) -> Response:
    wanted = set(given.get("Includes", {}).get("keyTypes", _UNFILTERED))
    listed = [each for each in answer["CertificateSummaryList"] if each["KeyAlgorithm"] in wanted]
    begin = int(given.get("NextToken", "0"))
    after = {"NextToken": str(begin + PAGE)} if begin + PAGE < len(listed) else {}
    return Response.json({"CertificateSummaryList": listed[begin : begin + PAGE], **after})

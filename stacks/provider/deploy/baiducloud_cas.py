"""tic:deploy/baiducloudCas:BaiducloudCas: a certificate in Baidu AI Cloud's certificate service.

The API: https://cloud.baidu.com/doc/Reference/s/Gjwvz27xu. A name has 3 to 65 letters, digits, `-`, `/`, `.`
and begins with a letter; two certificates may have the same. The chain is sent apart from the certificate.
A certificate takes new data under the same id only while nothing uses it, and one that something uses can't
be deleted: OperationNotAllowedException. The page knows HTTP alone; the service has HTTPS too, as the SDKs
say (https://github.com/baidubce/bce-sdk-go/blob/master/doc/CERT.md), and is asked over nothing else. The
SDK's client of the service knows no temporary keys, so what lies beneath the client is used.
"""

import copy
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, ClassVar
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from stacks.broker import OpenedFields
from stacks.provider.deploy.bundle import Bundle
from stacks.provider.deploy.calls import SECONDS, Account, Refused, entries, sdk
from stacks.provider.deploy.key_form import telling_lines, traditional
from stacks.provider.deploy.stored import Found, Stays, StoredCertificate
from stacks.provider.resource import Values
from stacks.provider.run import Operation

HOST = "certificate.baidubce.com"
PATH = "/v1/certificate"
# Its policies grant no single calls.
PERMISSION = "bce:cas FULL_CONTROL"
_DENIED = ("AccessDenied", "AccessDeniedException")
_UNKNOWN = ("AuthError", "InvalidAccessKeyId", "InvalidHTTPAuthHeader", "SignatureDoesNotMatch")
_GONE = "ResourceNotFoundException"
_IN_USE = "OperationNotAllowedException"
_SERVER = 1  # the type of a certificate that comes with its key


@dataclass(frozen=True, slots=True)
class Cas:
    """The service with one account's keys."""

    account: Account
    settings: Any = field(repr=False)
    token: str = field(repr=False)

    def ask(
        self,
        method: str,
        path: str = "",
        query: Mapping[str, str] | None = None,
        content: Mapping[str, Any] | None = None,
    ) -> Mapping[str, Any]:
        """The answer, empty where it is none; raises Refused, StackError."""
        from baidubce.auth import bce_v1_signer
        from baidubce.exception import BceHttpClientError, BceServerError
        from baidubce.http import bce_http_client, handler

        headers = {b"content-type": b"application/json"}
        if self.token:
            headers[b"x-bce-security-token"] = self.token.encode()
        try:
            answer = bce_http_client.send_request(
                self.settings,
                bce_v1_signer.sign,
                [handler.parse_error, _taken],
                method.encode(),
                (PATH + path).encode(),
                None if content is None else json.dumps(content),
                headers,
                {name.encode(): value.encode() for name, value in (query or {}).items()},
            )
        except BceHttpClientError as error:  # whose text is every trace there was
            last, status, code = error.last_error, int(error.status_code or 0), str(error.code or "")
        else:
            return dict(answer.taken)
        if isinstance(last, BceServerError):
            raise self.account.refused(
                PERMISSION, status, code, str(last), denied=code in _DENIED, unknown=code in _UNKNOWN
            )
        if isinstance(last, OSError):
            raise self.account.unreachable(PERMISSION, HOST, last)
        raise self.account.unreadable(PERMISSION, HOST)

    def look(self, path: str) -> Mapping[str, Any] | None:
        """What is at a path, or None where it is gone."""
        try:
            told = self.ask("GET", path)
        except Refused as refused:
            if refused.code == _GONE:
                return None
            raise
        if "certId" not in told:
            raise self.account.unreadable(PERMISSION, HOST)
        return told


class BaiducloudCas(StoredCertificate[Cas]):
    """In place where the service lets it: nothing uses the certificate. Else the new one in first."""

    token = "tic:deploy/baiducloudCas:BaiducloudCas"  # noqa: S105  (a type token)
    description = (
        "A certificate in Baidu AI Cloud's certificate service. A renewal keeps its id while nothing at the "
        "cloud uses it; else the new one goes in beside it, and the old one goes out when nothing uses it."
    )
    kind: ClassVar[str] = "baiducloud"
    label: ClassVar[str] = "Baidu Cloud CAS"

    def open(self, operation: Operation, account: OpenedFields, inputs: Values) -> Cas:
        """Asked over HTTPS, through the machine's proxy."""
        with sdk(self.kind, "baidubce"):
            from baidubce import protocol
            from baidubce.auth.bce_credentials import BceCredentials
            from baidubce.bce_client_configuration import DEFAULT_CONFIG, BceClientConfiguration
            from baidubce.retry.retry_policy import NoRetryPolicy

        fields = account.fields
        secret, token = fields["secret-key"], fields.get("session-token", "")
        through = urlsplit("" if proxy_bypass(HOST) else getproxies().get("https", ""))
        settings = copy.copy(DEFAULT_CONFIG)
        settings.merge_non_none_values(
            BceClientConfiguration(
                BceCredentials(fields["access-key"], secret),
                endpoint=f"https://{HOST}",
                protocol=protocol.HTTPS,
                connection_timeout_in_mills=int(SECONDS * 1000),
                retry_policy=NoRetryPolicy(),
                proxy_host=through.hostname,
                proxy_port=through.port,
            )
        )
        secrets = (secret, token, *telling_lines(inputs.get("privateKeyPem")))
        return Cas(Account(self.kind, self.label, secrets), settings, token)

    def upload(self, service: Cas, inputs: Values, sent: Bundle, name: str) -> Found:
        """The one of this name and content that is there, else a new one."""
        there = entries(service.ask("GET").get("certs"))
        if there is None:
            raise service.account.unreadable(PERMISSION, HOST)
        for told in there:
            id_, found = told.get("certId"), _found("", told, sent.certificate_pem)
            if id_ and told.get("certName") == name and found.is_(sent):
                return Found(id_, sent.fingerprint)
        made = service.ask("POST", content=_content(name, sent))
        if not isinstance(made.get("certId"), str):
            raise service.account.unreadable(PERMISSION, HOST)
        return Found(made["certId"], sent.fingerprint)

    def replace(self, service: Cas, state: Values, inputs: Values, sent: Bundle) -> Found | None:
        """New data under the same id and name, where nothing uses it."""
        id_ = state["certificateId"]
        there = service.look(f"/{id_}")
        if there is None:
            return None
        try:
            name = str(there.get("certName", ""))
            service.ask("PUT", f"/{id_}", {"certData": ""}, _content(name, sent))
        except Refused as refused:
            if refused.code in (_IN_USE, _GONE):
                return None
            raise
        return Found(id_, sent.fingerprint)

    def find(self, service: Cas, state: Values, id_: str) -> Found | None:
        """By its id; compared with what the state has."""
        told = service.look(f"/{id_}")
        return None if told is None else _found(id_, told, state["certificatePem"])

    def users(self, service: Cas, state: Values, id_: str) -> Sequence[str]:
        """The service and id of each resource that uses it."""
        told = service.look(f"/{id_}/detail") or {}
        users = [
            f"{each.get('serviceName')} {each.get('resourceId')}"
            for each in entries(told.get("resources")) or ()
        ]
        if not users and told.get("status") == "IN_USE":
            return ["a resource that the service does not name"]
        return users

    def remove(self, service: Cas, state: Values, id_: str) -> None:
        """Remove it, unless something uses it since."""
        try:
            service.ask("DELETE", f"/{id_}")
        except Refused as refused:
            if refused.code == _IN_USE:
                raise Stays(
                    f"the certificate {id_} stays: {refused}",
                    hint="give what uses it another certificate, then run the command again",
                ) from None
            if refused.code != _GONE:
                raise


def _taken(response: Any, answer: Any) -> bool:
    """Reads an answer, as one of the functions that the SDK hands it to: the object that it is."""
    content = response.read()
    response.close()
    told = json.loads(content) if content else {}
    answer.taken = dict(told.items())  # AttributeError for anything else, which the SDK makes its own of
    return True


def _content(name: str, sent: Bundle) -> dict[str, Any]:
    content = {
        "certName": name,
        "certServerData": sent.certificate_pem,
        "certPrivateData": traditional(sent.private_key_pem),
        "certType": _SERVER,
    }
    return {**content, "certLinkData": sent.chain_pem} if sent.chain_pem else content


def _found(id_: str, told: Mapping[str, Any], certificate_pem: str) -> Found:
    """A certificate that is told of, whose fingerprint is this one's where it is the same.

    The digest of the fingerprint is told by its length; where there is none, the times of validity decide.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes

    ours = x509.load_pem_x509_certificate(certificate_pem.encode())
    digests = [ours.fingerprint(each).hex() for each in (hashes.SHA256(), hashes.SHA1())]  # noqa: S303
    given = str(told.get("certFingerprint") or "").replace(":", "").lower()
    if len(given) in map(len, digests):
        same = given in digests
    else:
        begins, ends = _time(told.get("certStartTime")), _time(told.get("certStopTime"))
        same = (begins, ends) == (ours.not_valid_before_utc, ours.not_valid_after_utc)
        given = f"one that is valid from {told.get('certStartTime')} to {told.get('certStopTime')}"
    return Found(id_, digests[0] if same else given)


def _time(text: object) -> datetime | None:
    try:
        return datetime.strptime(str(text), "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except ValueError:
        return None

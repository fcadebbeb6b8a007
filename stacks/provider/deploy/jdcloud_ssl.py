"""tic:deploy/jdcloudSsl:JdcloudSsl: a certificate in JD Cloud's SSL certificate service.

The API: https://docs.jdcloud.com/cn/ssl-certificate/api/overview, and the official SDK (services/ssl). The
chain follows the certificate in one text. What a name may be is told nowhere; most products of JD take 32
letters, digits, `-`, `_`. updateCert puts another certificate under the same id, also under what uses it. Of
a certificate the service tells the SHA-256 of its private key's text and its times, no fingerprint and no
serial number. An account that protects operations with MFA has to except uploaded certificates from it.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar

from stacks.broker import OpenedFields
from stacks.provider.deploy.bundle import Bundle
from stacks.provider.deploy.calls import SECONDS, Account, Refused, entries, sdk, whole
from stacks.provider.deploy.key_form import telling_lines, traditional
from stacks.provider.deploy.stored import Found, Stays, StoredCertificate
from stacks.provider.resource import Values
from stacks.provider.run import Operation

HOST = "ssl.jdcloud-api.com"
PAGE = 100
MOST_PAGES = 1000
MOST_NAME = 32
_NO = 0  # of what a certificate lets be done with it


@dataclass(frozen=True, slots=True)
class Ssl:
    """The service with one account's keys."""

    account: Account
    client: Any = field(repr=False)
    token: str = field(repr=False)

    def ask(self, action: str, request: Any) -> Mapping[str, Any]:
        """The result, empty where it is none; raises Refused, StackError."""
        from jdcloud_sdk.core.const import JDCLOUD_SECURITY_TOKEN
        from requests import RequestException

        named = f"ssl:{action}"
        if self.token:
            request.header = {JDCLOUD_SECURITY_TOKEN: self.token}
        try:
            answer = self.client.send(request)
        except (RequestException, OSError) as error:
            raise self.account.unreachable(named, HOST, error) from None
        except ValueError:
            raise self.account.unreadable(named, HOST) from None
        if answer.error is not None:
            code = answer.error.code if isinstance(answer.error.code, int) else 0
            said, words = str(answer.error.status or ""), str(answer.error.message or "")
            raise self.account.refused(named, code, said, words, denied=code == 403, unknown=code == 401)
        if not answer.request_id:  # the SDK looks at no status, and takes any JSON for success
            raise self.account.unreadable(named, HOST)
        return answer.result if isinstance(answer.result, dict) else {}

    def one(self, id_: str) -> Mapping[str, Any] | None:
        """What the service tells of a certificate, with what uses it; None where it is gone."""
        from jdcloud_sdk.services.ssl.apis.DescribeCertRequest import DescribeCertRequest

        try:
            told = self.ask("describeCert", DescribeCertRequest({"certId": id_}))
        except Refused as refused:
            if refused.status == 404:
                return None
            raise
        if "certId" not in told:
            raise self.account.unreadable("ssl:describeCert", HOST)
        return told

    def all(self) -> Iterator[Mapping[str, Any]]:
        """What the service tells of each certificate of the account."""
        from jdcloud_sdk.services.ssl.apis.DescribeCertsRequest import DescribeCertsRequest

        seen = 0
        for page in range(1, MOST_PAGES):
            asked = DescribeCertsRequest({"pageNumber": page, "pageSize": PAGE})
            told = self.ask("describeCerts", asked)
            here = entries(told.get("certListDetails", []))
            if here is None:
                raise self.account.unreadable("ssl:describeCerts", HOST)
            yield from here
            seen += len(here)
            if not here or seen >= whole(told.get("totalCount")):
                return


class JdcloudSsl(StoredCertificate[Ssl]):
    """In place, under what uses it; the name stays the one that it was uploaded with."""

    token = "tic:deploy/jdcloudSsl:JdcloudSsl"  # noqa: S105  (a type token)
    description = (
        "A certificate in JD Cloud's SSL certificate service. A renewal keeps its id, and what uses it "
        "serves the new one; one that the service does not let be updated is replaced by another beside it."
    )
    kind: ClassVar[str] = "jdcloud"
    label: ClassVar[str] = "JD Cloud SSL"

    def open(self, operation: Operation, account: OpenedFields, inputs: Values) -> Ssl:
        """By the SDK's client, whose own logger would print every request and answer."""
        with sdk(self.kind):
            from jdcloud_sdk.core.config import Config
            from jdcloud_sdk.core.credential import Credential
            from jdcloud_sdk.core.logger import FATAL, Logger
            from jdcloud_sdk.services.ssl.client.SslClient import SslClient

        fields = account.fields
        secret, token = fields["secret-key"], fields.get("session-token", "")
        config = Config(HOST, timeout=SECONDS)
        client = SslClient(Credential(fields["access-key"], secret), config, Logger(FATAL))
        secrets = (secret, token, *telling_lines(inputs.get("privateKeyPem")))
        return Ssl(Account(self.kind, self.label, secrets), client, token)

    def upload(self, service: Ssl, inputs: Values, sent: Bundle, name: str) -> Found:
        """The one of this name and content that is there, else a new one."""
        from jdcloud_sdk.services.ssl.apis.UploadCertRequest import UploadCertRequest

        short = shortened(name)
        for told in service.all():
            id_, found = told.get("certId"), _found("", told, sent.certificate_pem, sent.private_key_pem)
            if id_ and told.get("certName") == short and found.is_(sent):
                return Found(id_, sent.fingerprint)
        made = service.ask("uploadCert", UploadCertRequest({"certName": short, **_content(sent)}))
        if not isinstance(made.get("certId"), str):
            raise service.account.unreadable("ssl:uploadCert", HOST)
        return Found(made["certId"], sent.fingerprint)

    def replace(self, service: Ssl, state: Values, inputs: Values, sent: Bundle) -> Found | None:
        """Another certificate under the same id, where the service lets it."""
        from jdcloud_sdk.services.ssl.apis.UpdateCertRequest import UpdateCertRequest

        id_ = state["certificateId"]
        there = next((each for each in service.all() if each.get("certId") == id_), None)
        if there is None or there.get("updateable") == _NO:
            return None
        service.ask("updateCert", UpdateCertRequest({"certId": id_, **_content(sent)}))
        return Found(id_, sent.fingerprint)

    def find(self, service: Ssl, state: Values, id_: str) -> Found | None:
        """By its id; compared with what the state has."""
        told = service.one(id_)
        if told is None:
            return None
        return _found(id_, told, state["certificatePem"], state["privateKeyPem"])

    def users(self, service: Ssl, state: Values, id_: str) -> Sequence[str]:
        """The product, id and region of each resource that uses it."""
        bound = entries((service.one(id_) or {}).get("usedBy")) or ()
        names = ("bindFrom", "bindId", "bindRegion")
        return [" ".join(str(each[name]) for name in names if each.get(name)) for each in bound]

    def remove(self, service: Ssl, state: Values, id_: str) -> None:
        """Remove it, unless something uses it since."""
        from jdcloud_sdk.services.ssl.apis.DeleteCertsRequest import DeleteCertsRequest

        try:
            service.ask("deleteCerts", DeleteCertsRequest({"certId": id_}))
        except Refused as refused:
            if refused.status == 404:
                return
            if refused.status in (401, 403, 429) or refused.status >= 500:
                raise
            if not (users := self.users(service, state, id_)):
                raise
            raise Stays(
                f"the certificate {id_} stays at {self.label}: {', '.join(users)} uses it",
                hint="give what uses it another certificate, then run the command again",
            ) from None


def shortened(name: str) -> str:
    """A name of at most MOST_NAME characters; others become others."""
    if len(name) <= MOST_NAME:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:6]
    return f"{name[:12]}-{digest}-{name[-12:]}"


def _content(sent: Bundle) -> dict[str, str]:
    return {"keyFile": traditional(sent.private_key_pem), "certFile": sent.fullchain_pem}


def _found(id_: str, told: Mapping[str, Any], certificate_pem: str, private_key_pem: str) -> Found:
    """A certificate that is told of, whose fingerprint is this one's where key and times are the same."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes

    ours = x509.load_pem_x509_certificate(certificate_pem.encode())
    sent = traditional(private_key_pem)
    digests = {hashlib.sha256(text.encode()).hexdigest() for text in (sent, sent.strip())}
    times = _time(told.get("startTime")), _time(told.get("endTime"))
    same = times == (ours.not_valid_before_utc, ours.not_valid_after_utc)
    if same and str(told.get("digest") or "").lower() in digests:
        return Found(id_, ours.fingerprint(hashes.SHA256()).hex())
    return Found(id_, f"one that is valid from {told.get('startTime')} to {told.get('endTime')}")


def _time(text: object) -> datetime | None:
    try:
        return datetime.fromisoformat(str(text))
    except ValueError:
        return None

"""tic:deploy/volcengineCertificateCentre: a certificate in Volcano Engine's certificate centre.

The API: https://www.volcengine.com/docs/6638/1365580 (ImportCertificate, version 2024-10-01) and the pages
beside it, called through the official SDK's core. A certificate has a remark (Tag) instead of a name; the
same certificate may be there twice (Repeatable), so that nobody's but its own is ever taken for it. It never
changes: a new one goes in before the old one goes out. What uses one is told nowhere, but one that a
resource of the cloud uses can't be deleted.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from stacks.broker import OpenedFields
from stacks.provider.deploy.bundle import Bundle
from stacks.provider.deploy.calls import (
    SECONDS,
    Account,
    Refused,
    ca_file,
    entries,
    sdk,
    silence,
    whole,
)
from stacks.provider.deploy.key_form import telling_lines, traditional
from stacks.provider.deploy.stored import Found, Stays, StoredCertificate
from stacks.provider.resource import Values
from stacks.provider.run import Operation

HOST = "open.volcengineapi.com"
REGION = "cn-beijing"
SERVICE = "certificate_service"
VERSION = "2024-10-01"
LOGGERS = ("volcenginesdkcore", "com.volcengine.sdkcore")
PAGE = 50
MOST_PAGES = 1000
# https://www.volcengine.com/docs/6369/68677
_DENIED = ("AccessDenied", "LackPolicy")
_UNKNOWN = (
    "InvalidAccessKey",
    "InvalidAuthorization",
    "InvalidCredential",
    "InvalidSecretToken",
    "SignatureDoesNotMatch",
)


@dataclass(frozen=True, slots=True)
class Centre:
    """The service with one account's keys."""

    account: Account
    api: Any = field(repr=False)

    def ask(self, action: str, content: dict[str, Any]) -> Mapping[str, Any]:
        """The result, empty where it is none; raises Refused, StackError."""
        from urllib3.exceptions import HTTPError
        from volcenginesdkcore import UniversalInfo
        from volcenginesdkcore.rest import ApiException

        named = f"{SERVICE}:{action}"
        info = UniversalInfo("POST", SERVICE, VERSION, action, "application/json")
        try:
            result = self.api.do_call(info, content)
        except ApiException as error:
            if not error.status:  # TLS; the SDK wraps nothing else of the network
                raise self.account.unreachable(named, HOST, error) from None
            code, words = _said(error.body)
            denied, unknown = code.startswith(_DENIED), code.startswith(_UNKNOWN)
            raise self.account.refused(
                named, int(error.status), code, words, denied=denied, unknown=unknown
            ) from None
        except (HTTPError, OSError) as error:
            raise self.account.unreachable(named, HOST, error) from None
        except (ValueError, AttributeError):
            raise self.account.unreadable(named, HOST) from None
        return result if isinstance(result, dict) else {}

    def all(self, **wanted: Any) -> Iterator[Mapping[str, Any]]:
        """What the service tells of each certificate that is `wanted`."""
        seen = 0
        for page in range(1, MOST_PAGES):
            asked = {"PageNumber": page, "PageSize": PAGE, **wanted}
            told = self.ask("CertificateGetInstanceList", asked)
            if "TotalCount" not in told:
                raise self.account.unreadable(f"{SERVICE}:CertificateGetInstanceList", HOST)
            here = entries(told.get("Instances")) or ()
            yield from here
            seen += len(here)
            if not here or seen >= whole(told["TotalCount"]):
                return

    def found(self, id_: str) -> Found:
        """One that is there, with its fingerprint; the private key that comes with it is dropped."""
        detail = self.ask("CertificateGetInstance", {"InstanceId": id_}).get("CertificateDetail")
        if not isinstance(detail, dict):
            raise self.account.unreadable(f"{SERVICE}:CertificateGetInstance", HOST)
        given = str(detail.get("FingerPrintSha256") or "").replace(":", "").lower()
        return Found(id_, given or None, str(detail.get("SerialNumber") or "") or None)


class VolcengineCertificateCentre(StoredCertificate[Centre]):
    """The new one in, then the old one out."""

    token = "tic:deploy/volcengineCertificateCentre:VolcengineCertificateCentre"  # noqa: S105
    description = (
        "A certificate in Volcano Engine's certificate centre. A renewal goes in beside the old one, which "
        "goes out as soon as no resource of the cloud uses it."
    )
    kind: ClassVar[str] = "volcengine"
    label: ClassVar[str] = "Volcano Engine's certificate centre"

    def open(self, operation: Operation, account: OpenedFields, inputs: Values) -> Centre:
        """Asked with nothing but this account's keys; the SDK would look for others on this machine."""
        with sdk(self.kind, *LOGGERS):
            from volcenginesdkcore import ApiClient, Configuration, UniversalApi

        fields = account.fields
        secret, token = fields["secret-key"], fields.get("session-token", "")
        settings = Configuration()
        silence(*LOGGERS)  # the settings bring handlers to standard error
        settings.ak, settings.sk, settings.session_token = fields["access-key"], secret, token
        settings.host = HOST
        settings.region = fields.get("region") or REGION
        settings.connect_timeout = settings.read_timeout = SECONDS
        settings.auto_retry = False
        settings.ssl_ca_cert = ca_file()
        secrets = (secret, token, *telling_lines(inputs.get("privateKeyPem")))
        return Centre(Account(self.kind, self.label, secrets), UniversalApi(ApiClient(settings)))

    def upload(self, service: Centre, inputs: Values, sent: Bundle, name: str) -> Found:
        """The one of this remark and content that is there, else a new one."""
        for told in service.all(Tag=name):
            id_ = told.get("InstanceId")
            if id_ and told.get("Tag") == name and service.found(id_).is_(sent):
                return Found(id_, sent.fingerprint)
        info = {"CertificateChain": sent.fullchain_pem, "PrivateKey": traditional(sent.private_key_pem)}
        content = {"Tag": name, "Repeatable": True, "CertificateInfo": info}
        made = service.ask("ImportCertificate", content)
        if not isinstance(made.get("InstanceId"), str):
            raise service.account.unreadable(f"{SERVICE}:ImportCertificate", HOST)
        return Found(made["InstanceId"], sent.fingerprint)

    def find(self, service: Centre, state: Values, id_: str) -> Found | None:
        """By its id; it is gone where the list does not have it, whatever code its absence has."""
        there = any(each.get("InstanceId") == id_ for each in service.all(InstanceIds=[id_]))
        return service.found(id_) if there else None

    def remove(self, service: Centre, state: Values, id_: str) -> None:
        """Remove it, unless a resource of the cloud uses it."""
        try:
            service.ask("CertificateDeleteInstance", {"InstanceId": id_})
        except Refused as refused:
            if refused.status >= 500 or refused.status == 429 or refused.code.startswith(_DENIED + _UNKNOWN):
                raise
            raise Stays(
                f"the certificate {id_} stays: {refused}",
                hint="give what uses it another certificate, then run the command again",
            ) from None


def _said(body: object) -> tuple[str, str]:
    """Code and words of a refusal."""
    try:
        error = json.loads(str(body))["ResponseMetadata"]["Error"]
        return str(error.get("Code") or ""), str(error.get("Message") or "")
    except (ValueError, KeyError, TypeError, AttributeError):
        return "", ""

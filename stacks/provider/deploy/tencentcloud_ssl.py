"""tic:deploy/tencentcloudSsl:TencentcloudSsl: a certificate in Tencent Cloud's SSL Certificate Service.

The API: https://cloud.tencent.com/document/api/400/41659. Two certificates may have the same name and the
same content; the chain follows the certificate in one text. UploadUpdateCertificateInstance keeps the id, but
is for accounts on a list of Tencent's and for load balancers alone; UpdateCertificateInstance changes load
balancers, gateways and the like, with permissions for each. So a new one goes in before the old one goes out,
and what still uses the old one is listed. That has to be asked, because the service deletes a certificate
that something uses without a word.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from stacks.broker import OpenedFields
from stacks.provider.deploy.bundle import Bundle
from stacks.provider.deploy.calls import AGAIN, SECONDS, Account, Refused, ca_file, sdk
from stacks.provider.deploy.key_form import telling_lines, traditional
from stacks.provider.deploy.stored import Found, StoredCertificate
from stacks.provider.resource import Values
from stacks.provider.run import Operation

HOST = "ssl.tencentcloudapi.com"
LOGGERS = ("tencentcloud_sdk_common",)
PAGE = 100
ROLE = "SSL_QCSLinkedRoleInReplaceLoadCertificate"
_DENIED = ("UnauthorizedOperation", "AuthFailure.UnauthorizedOperation", "FailedOperation.CAMAuthorizedFail")
_GONE = ("FailedOperation.CertificateNotFound", "ResourceNotFound")
_NO_ROLE = "FailedOperation.RoleNotFoundAuthorization"
_LOOKING, _SEEN = 0, 1  # states of a search for what uses a certificate
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 5.0  # seconds between two looks at it


@dataclass(frozen=True, slots=True)
class Ssl:
    """The service with one account's keys, for one operation."""

    account: Account
    operation: Operation
    client: Any = field(repr=False)

    def ask(self, action: str, asked: Mapping[str, Any], *needed: str) -> Mapping[str, Any]:
        """The answer, in which `needed` are not missing; raises Refused, StackError."""
        from tencentcloud.common.exception import TencentCloudSDKException

        named = f"ssl:{action}"
        try:
            answer = self.client.call_json(action, dict(asked))["Response"]
            if any(answer.get(each) is None for each in needed):
                raise self.account.unreadable(named, HOST)
            return dict(answer)
        except TencentCloudSDKException as error:
            code, words = str(error.code or ""), str(error.message or "")
            if code == "ClientNetworkError":
                raise self.account.unreachable(named, HOST, error) from None
            if code == "ServerNetworkError":  # its words are the whole answer
                raise self.account.refused(named, 500, "", "it breaks down") from None
            raise self._refused(named, code, words) from None
        except (LookupError, TypeError, ValueError, AttributeError):
            raise self.account.unreadable(named, HOST) from None

    def listed(self, word: str) -> Iterator[Mapping[str, Any]]:
        """The certificates in whose id, name or domains the word stands."""
        seen = 0
        while True:
            asked = {"SearchKey": word, "Offset": seen, "Limit": PAGE}
            answer = self.ask("DescribeCertificates", asked, "Certificates", "TotalCount")
            page = answer["Certificates"]
            yield from page
            seen += len(page)
            if not page or seen >= int(answer["TotalCount"]):
                return

    def uses(self, id_: str) -> Sequence[Mapping[str, Any]]:
        """What uses a certificate, by kind of resource, as the service finds now; that takes a moment."""
        asked = {"CertificateIds": [id_], "IsCache": 0}
        made = self.ask("CreateCertificateBindResourceSyncTask", asked, "CertTaskIds")
        tasks = [str(each["TaskId"]) for each in made["CertTaskIds"]]
        action = "DescribeCertificateBindResourceTaskResult"
        pause = FIRST_PAUSE
        while True:
            answer = self.ask(action, {"TaskIds": tasks}, "SyncTaskBindResourceResult")
            results = answer["SyncTaskBindResourceResult"]
            if not results:
                raise self.account.unreadable(f"ssl:{action}", HOST)
            states = {each["Status"] for each in results}
            if states == {_SEEN}:
                return [one for each in results for one in each.get("BindResourceResult") or ()]
            if _LOOKING not in states:
                why: Mapping[str, Any] = next((each["Error"] for each in results if each.get("Error")), {})
                raise self._refused(f"ssl:{action}", str(why.get("Code", "")), str(why.get("Message", "")))
            self.operation.wait(pause, f"{self.account.label} to find what uses the certificate {id_}")
            pause = min(2 * pause, LONGEST_PAUSE)

    def _refused(self, named: str, code: str, words: str) -> Refused:
        denied = code.startswith(_DENIED)
        unknown = code.startswith("AuthFailure") and not denied
        status = 500 if code.startswith("InternalError") else 0
        refused = self.account.refused(named, status, code, words, denied=denied, unknown=unknown)
        if code == _NO_ROLE:
            refused.hint = f"let the service look at what uses certificates: grant it its role {ROLE} in the "
            refused.hint += f"CAM console; {AGAIN}"
        return refused


class TencentcloudSsl(StoredCertificate[Ssl]):
    """A certificate keeps what it is, for most accounts."""

    token = "tic:deploy/tencentcloudSsl:TencentcloudSsl"  # noqa: S105  (a type token)
    description = (
        "A certificate in Tencent Cloud's SSL Certificate Service. A renewal goes in beside the old one, "
        "under an id of its own; the old one goes out when no resource of the cloud uses it."
    )
    kind: ClassVar[str] = "tencentcloud"
    label: ClassVar[str] = "Tencent Cloud SSL"

    def open(self, operation: Operation, account: OpenedFields, inputs: Values) -> Ssl:
        """The SDK's client; it tries nothing twice, and the service has no regions."""
        with sdk(self.kind, *LOGGERS):
            from tencentcloud.common.credential import Credential
            from tencentcloud.common.profile.client_profile import ClientProfile
            from tencentcloud.common.profile.http_profile import HttpProfile
            from tencentcloud.ssl.v20191205.ssl_client import SslClient

        fields = account.fields
        secret, token = fields["secret-key"], fields.get("session-token", "")
        profile = ClientProfile(
            httpProfile=HttpProfile(endpoint=HOST, reqTimeout=SECONDS, certification=ca_file()),
            language="en-US",
        )
        client = SslClient(Credential(fields["secret-id"], secret, token or None), "", profile)
        told_of = Account(self.kind, self.label, (secret, token, *telling_lines(inputs.get("privateKeyPem"))))
        return Ssl(told_of, operation, client)

    def upload(self, service: Ssl, inputs: Values, sent: Bundle, name: str) -> Found:
        """The one of this name and content that an earlier run left there, else a new one."""
        for one in service.listed(name):
            if one.get("Alias") == name and one.get("From") == "upload":
                there = self.find(service, inputs, str(one["CertificateId"]))
                if there is not None and there.is_(sent):
                    return there
        asked = {
            "CertificatePublicKey": sent.fullchain_pem,
            "CertificatePrivateKey": traditional(sent.private_key_pem),
            "CertificateType": "SVR",
            "Alias": name,
            "Repeatable": True,  # the same that somebody else put there is theirs
        }
        made = service.ask("UploadCertificate", asked, "CertificateId")
        return Found(str(made["CertificateId"]), sent.fingerprint)

    def find(self, service: Ssl, state: Values, id_: str) -> Found | None:
        """By its content; the private key that comes with that is dropped."""
        try:
            told = service.ask("DescribeCertificateDetail", {"CertificateId": id_}, "CertificatePublicKey")
        except Refused as refused:
            if refused.code.startswith(_GONE):
                return None
            raise
        return Found(id_, _fingerprint(str(told["CertificatePublicKey"])))

    def users(self, service: Ssl, state: Values, id_: str) -> Sequence[str]:
        """How many resources of each kind, by region; what could not be looked at counts as a user."""
        return [
            _user(str(kind.get("ResourceType")), place)
            for kind in service.uses(id_)
            for place in kind.get("BindResourceRegionResult") or ()
            if place.get("TotalCount") or place.get("Error")
        ]

    def remove(self, service: Ssl, state: Values, id_: str) -> None:
        """Fine where it is gone."""
        action = "DeleteCertificate"
        try:
            answer = service.ask(action, {"CertificateId": id_}, "DeleteResult")
        except Refused as refused:
            if refused.code.startswith(_GONE):
                return
            raise
        if not answer["DeleteResult"]:
            raise service.account.refused(f"ssl:{action}", 0, "", "it did not delete the certificate")


def _user(kind: str, place: Mapping[str, Any]) -> str:
    where = f" in {place['Region']}" if place.get("Region") else ""
    if place.get("Error"):
        return f"maybe a resource of {kind}{where}, which could not be looked at"
    number = int(place["TotalCount"])
    return f"{number} {'resource' if number == 1 else 'resources'} of {kind}{where}"


def _fingerprint(pem: str) -> str:
    """SHA-256 of the first certificate, in hexadecimal; empty for another text, as no certificate has it."""
    from cryptography import x509
    from cryptography.hazmat.primitives.hashes import SHA256

    try:
        return x509.load_pem_x509_certificate(pem.encode()).fingerprint(SHA256()).hex()
    except ValueError:
        return "no certificate"

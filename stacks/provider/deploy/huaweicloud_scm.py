"""tic:deploy/huaweicloudScm:HuaweicloudScm: a certificate in Huawei Cloud's SSL Certificate Manager (CCM).

The API: https://support.huaweicloud.com/api-ccm/ImportCertificate.html. A name has 3 to 63 letters, digits,
`_`, `-`, `.`, and two certificates may have the same; the chain is sent apart from the certificate. A
certificate never changes, so a new one goes in before the old one goes out. The service is one for all
regions of a site of Huawei's. What it asks of a request besides a signature is the account's id, which the
SDK finds out from IAM, once for a key.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeVar

from stacks.broker import OpenedFields
from stacks.provider.deploy.bundle import Bundle
from stacks.provider.deploy.calls import SECONDS, Account, Refused, ca_file, sdk
from stacks.provider.deploy.key_form import telling_lines, traditional
from stacks.provider.deploy.stored import Found, StoredCertificate
from stacks.provider.properties import Change, Kind, Property
from stacks.provider.resource import Values
from stacks.provider.run import Operation

T = TypeVar("T")

LOGGERS = ("HuaweiCloud-SDK-ScmClient", "HuaweiCloud-SDK-Client")
CHINA, ABROAD = "cn-north-4", "ap-southeast-1"
REGIONS = (CHINA, ABROAD, "my-kualalumpur-1")
PAGE = 50
# Of https://support.huaweicloud.com/intl/en-us/api-ccm/scmEn.html, what is said of an id that is none.
_GONE = ("SCM.0008", "SCM.0020", "SCM.0021")


@dataclass(slots=True)
class Scm:
    """The service with one account's keys; the SDK asks who the account is before its first call."""

    account: Account
    host: str
    make: Callable[[], Any] = field(repr=False)
    _client: Any = field(default=None, repr=False)

    def ask(self, named: str, call: Callable[[Any], T]) -> T:
        """What the call with the client gives; `named` is its permission. Raises Refused, StackError."""
        from huaweicloudsdkcore.exceptions.exceptions import SdkException, ServiceResponseException

        try:
            if self._client is None:
                self._client = self.make()
            return call(self._client)
        except (SdkException, OSError) as error:
            said: BaseException | None = error
            while said is not None and not isinstance(said, ServiceResponseException):
                said = said.__context__  # IAM's own words, about the account's id
            if said is None:
                raise self.account.unreachable(named, self.host, error) from None
            status = int(said.status_code or 0)
            words = "" if status >= 500 else str(said.error_msg or "")  # of a fault it may be a whole page
            raise self.account.refused(
                named, status, str(said.error_code or ""), words, denied=status == 403, unknown=status == 401
            ) from None
        except Exception:  # of an SDK, on an answer that nobody foresaw; it may hold the request
            raise self.account.unreadable(named, self.host) from None

    def named(self, name: str) -> Iterator[str]:
        """The ids of the account's certificates of this name."""
        from huaweicloudsdkscm.v3 import ListCertificatesRequest

        seen = 0
        while True:
            asked = ListCertificatesRequest(limit=PAGE, offset=seen, status="ALL", content=name)

            def page(client: Any, asked: Any = asked) -> tuple[list[tuple[str, str]], int]:
                answer = client.list_certificates(asked)
                return [(str(one.id), str(one.name)) for one in answer.certificates], int(answer.total_count)

            found, total = self.ask("scm:cert:list", page)
            yield from (id_ for id_, own in found if own == name)
            seen += len(found)
            if not found or seen >= total:
                return


class HuaweicloudScm(StoredCertificate[Scm]):
    """The service has no way to put another certificate under an id."""

    token = "tic:deploy/huaweicloudScm:HuaweicloudScm"  # noqa: S105  (a type token)
    description = (
        "A certificate in Huawei Cloud's SSL Certificate Manager. A renewal goes in beside the old one, "
        "under an id of its own; the old one goes out when it is deployed to no resource of the cloud."
    )
    kind: ClassVar[str] = "huaweicloud"
    label: ClassVar[str] = "Huawei Cloud SCM"
    own_inputs = (
        Property(
            "region",
            Kind.STRING,
            f"The service's region: {CHINA} for an account of the site in China, {ABROAD} for one of the "
            "international site; by default the one of the credential's region.",
            change=Change.REPLACE,
            choices=REGIONS,
        ),
    )

    def open(self, operation: Operation, account: OpenedFields, inputs: Values) -> Scm:
        """The SDK's client of the region, which tries nothing twice; made when it is first asked for."""
        with sdk(self.kind, *LOGGERS):
            from huaweicloudsdkcore.auth.credentials import GlobalCredentials
            from huaweicloudsdkcore.http.http_config import HttpConfig
            from huaweicloudsdkscm.v3.region.scm_region import ScmRegion
            from huaweicloudsdkscm.v3.scm_client import ScmClient

        fields = account.fields
        region = ScmRegion.static_fields[inputs.get("region") or _region(fields.get("region", ""))]
        secret, token = fields["secret-key"], fields.get("security-token", "")
        keys = GlobalCredentials(fields["access-key"], secret)
        if token:
            keys.with_security_token(token)
        config = HttpConfig(timeout=(SECONDS, SECONDS), retry_times=0, ssl_ca_cert=ca_file())

        def make() -> Any:
            builder = ScmClient.new_builder().with_http_config(config).with_credentials(keys)
            return builder.with_region(region).build()

        secrets = (secret, token, *telling_lines(inputs.get("privateKeyPem")))
        host = str(region.endpoints[0]).removeprefix("https://")
        return Scm(Account(self.kind, self.label, secrets), host, make)

    def upload(self, service: Scm, inputs: Values, sent: Bundle, name: str) -> Found:
        """The one of this name and content that an earlier run left there, else a new one."""
        from huaweicloudsdkscm.v3 import ImportCertificateRequest, ImportCertificateRequestBody

        for id_ in service.named(name):
            there = self.find(service, inputs, id_)
            if there is not None and there.is_(sent):
                return there
        asked = ImportCertificateRequest(
            ImportCertificateRequestBody(
                name=name,
                certificate=sent.certificate_pem,
                certificate_chain=sent.chain_pem or None,
                private_key=traditional(sent.private_key_pem),
                duplicate_check=False,  # the same that somebody else put there is theirs
            )
        )

        def call(client: Any) -> str:
            return _text(client.import_certificate(asked).certificate_id)

        return Found(service.ask("scm:cert:upload", call), sent.fingerprint)

    def find(self, service: Scm, state: Values, id_: str) -> Found | None:
        """By its SHA-1, which is all that the service tells; it is compared with what the state has."""
        from huaweicloudsdkscm.v3 import ShowCertificateRequest

        def call(client: Any) -> str:
            return _text(client.show_certificate(ShowCertificateRequest(id_)).fingerprint)

        try:
            told = service.ask("scm:cert:get", call).replace(":", "").lower()
        except Refused as refused:
            if _gone(refused):
                return None
            raise
        sha1, sha256 = _digests(state["certificatePem"])
        return Found(id_, sha256 if told == sha1 else told)

    def users(self, service: Scm, state: Values, id_: str) -> Sequence[str]:
        """Each resource that the service deployed it to; what could not be looked at counts as one."""
        from huaweicloudsdkscm.v3 import ListDeployedResourcesRequest, ListDeployedResourcesRequestBody

        asked = ListDeployedResourcesRequest(ListDeployedResourcesRequestBody([id_], ["ALL"]))

        def call(client: Any) -> list[str]:
            results = client.list_deployed_resources(asked).results
            return [
                user
                for result in results
                if result.certificate_id == id_
                for service in result.deployed_resources or ()
                for user in _users(service)
            ]

        return service.ask("scm:cert:deployed", call)

    def remove(self, service: Scm, state: Values, id_: str) -> None:
        """Fine where it is gone."""
        from huaweicloudsdkscm.v3 import DeleteCertificateRequest

        try:
            service.ask(
                "scm:cert:delete", lambda client: client.delete_certificate(DeleteCertificateRequest(id_))
            )
        except Refused as refused:
            if not _gone(refused):
                raise


def _gone(refused: Refused) -> bool:
    return refused.status == 404 or refused.code in _GONE


def _region(credentials_own: str) -> str:
    if credentials_own in REGIONS:
        return credentials_own
    return CHINA if not credentials_own or credentials_own.startswith("cn-") else ABROAD


def _users(service: Any) -> Iterator[str]:
    """The resources of one service; some or all may be told by their number alone."""
    named = 0
    for place in service.region_resources or ():
        for one in place.resources or ():
            named += 1
            yield f"{service.service} {one.resource_name or one.resource_id} in {place.region_id}"
        if str(place.is_error).lower() == "true":
            yield f"maybe a resource of {service.service} in {place.region_id}, which could not be looked at"
    if (others := int(service.resource_num or 0) - named) > 0:
        yield f"{others} more of {service.service}" if named else f"{others} of {service.service}"


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("it is missing in the answer")
    return value


def _digests(certificate_pem: str) -> tuple[str, str]:
    """SHA-1 and SHA-256 of a certificate, in hexadecimal."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes

    certificate = x509.load_pem_x509_certificate(certificate_pem.encode())
    sha1 = certificate.fingerprint(hashes.SHA1())  # noqa: S303  (what the service tells)
    return sha1.hex(), certificate.fingerprint(hashes.SHA256()).hex()

"""tic:deploy/alicloudCas:AlicloudCas: a certificate in Alibaba Cloud's Certificate Management Service.

The API: https://help.aliyun.com/zh/ssl-certificate/developer-reference/api-cas-2020-04-07-overview. A name
has at most 63 characters and is unique in the account; the chain follows the certificate in one text. A
certificate never changes, so a new one goes in before the old one goes out. The SDK would send the private
key in the address of the request; it goes into the body, as a form, instead.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, ClassVar

from stacks.broker import OpenedFields
from stacks.provider.deploy.bundle import Bundle
from stacks.provider.deploy.calls import SECONDS, Account, Refused, ca_file, sdk
from stacks.provider.deploy.key_form import telling_lines, traditional
from stacks.provider.deploy.stored import Found, StoredCertificate
from stacks.provider.properties import Change, Kind, Output, Property
from stacks.provider.resource import Values
from stacks.provider.run import Operation

LOGGERS = ("darabonba-core", "alibabacloud-tea")
REGION = "cn-hangzhou"
PAGE = 50
_GONE = "NotFound"
_DENIED = ("Forbidden.RAM", "NoPermission")
_UNKNOWN = ("InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidSecurityToken", "IncompleteSignature")


@dataclass(frozen=True, slots=True)
class Cas:
    """The service with one account's keys."""

    account: Account
    client: Any = field(repr=False)

    def ask(self, action: str, call: Callable[[], Any]) -> Any:
        """The body of the answer; raises Refused, StackError."""
        from alibabacloud_tea_openapi.exceptions import AlibabaCloudException
        from darabonba.exceptions import RetryError
        from Tea.exceptions import UnretryableException

        named = f"yundun-cert:{action}"
        host = str(self.client._endpoint)
        try:
            return call()
        except AlibabaCloudException as error:
            code, words = str(error.code or ""), str((error.data or {}).get("Message") or "")
            if code.startswith("SignatureDoesNotMatch"):
                words = "the secret key is not this access key's"  # its own holds what was signed
            denied, unknown = code.startswith(_DENIED), code.startswith(_UNKNOWN)
            raise self.account.refused(
                named, int(error.status_code or 0), code, words, denied=denied, unknown=unknown
            ) from None
        except UnretryableException as error:
            inner = error.inner_exception
            if isinstance(inner, RetryError):  # its name for whatever the network does
                raise self.account.unreachable(named, host, inner) from None
            raise self.account.unreadable(named, host) from None
        except Exception:  # of an SDK, on an answer that nobody foresaw; it may hold the request
            raise self.account.unreadable(named, host) from None

    def upload(self, form: dict[str, str]) -> str:
        """The id of a new certificate."""
        from alibabacloud_tea_openapi.utils_models import OpenApiRequest, Params
        from darabonba.runtime import RuntimeOptions

        what = Params(
            action="UploadUserCertificate",
            version="2020-04-07",
            protocol="HTTPS",
            pathname="/",
            method="POST",
            auth_type="AK",
            style="RPC",
            req_body_type="formData",
            body_type="json",
        )
        asked = OpenApiRequest(body=form)

        def call() -> str:
            return str(int(self.client.call_api(what, asked, RuntimeOptions())["body"]["CertId"]))

        return str(self.ask(what.action, call))

    def detail(self, id_: str) -> Any | None:
        """What is told of a certificate, without the key that the service would tell too; None if gone."""
        from alibabacloud_cas20200407.models import GetUserCertificateDetailRequest

        asked = GetUserCertificateDetailRequest(cert_id=int(id_), cert_filter=True)

        def call() -> Any:
            told = self.client.get_user_certificate_detail(asked).body
            int(told.serial_no, 16)
            return told

        try:
            return self.ask("GetUserCertificateDetail", call)
        except Refused as refused:
            if refused.code == _GONE:
                return None
            raise

    def uploaded(self) -> Iterator[Any]:
        """The account's certificates that were uploaded and are valid."""
        from alibabacloud_cas20200407.models import ListUserCertificateOrderRequest

        def page(number: int) -> tuple[Sequence[Any], int]:
            asked = ListUserCertificateOrderRequest(order_type="UPLOAD", current_page=number, show_size=PAGE)
            listed = self.client.list_user_certificate_order(asked).body
            return listed.certificate_order_list or (), int(listed.total_count)

        return self._listed("ListUserCertificateOrder", page)

    def resources(self, id_: str) -> Iterator[Any]:
        """The resources of the cloud that it saw with this certificate, and maybe others."""
        from alibabacloud_cas20200407.models import ListCloudResourcesRequest

        def page(number: int) -> tuple[Sequence[Any], int]:
            asked = ListCloudResourcesRequest(
                cert_ids=[int(id_)], cloud_name="aliyun", current_page=number, show_size=PAGE
            )
            listed = self.client.list_cloud_resources(asked).body
            return listed.data or (), int(listed.total)

        return self._listed("ListCloudResources", page)

    def _listed(self, action: str, page: Callable[[int], tuple[Sequence[Any], int]]) -> Iterator[Any]:
        number = 1
        while True:
            found, total = self.ask(action, partial(page, number))
            yield from found
            if not found or number * PAGE >= total:
                return
            number += 1


class AlicloudCas(StoredCertificate[Cas]):
    """The service has no way to put another certificate under an id."""

    token = "tic:deploy/alicloudCas:AlicloudCas"  # noqa: S105  (a type token)
    description = (
        "A certificate in Alibaba Cloud's Certificate Management Service. A renewal goes in beside the old "
        "one, under an id of its own; the old one goes out when no resource of the cloud uses it."
    )
    kind: ClassVar[str] = "alicloud"
    label: ClassVar[str] = "Alibaba Cloud CAS"
    own_inputs = (
        Property(
            "region",
            Kind.STRING,
            "The service's region: cn-hangzhou, or ap-southeast-1 for an account of the international site; "
            f"by default the credential's own, or {REGION}.",
            change=Change.REPLACE,
        ),
    )
    own_outputs = (
        Output(
            "certificateIdentifier",
            Kind.STRING,
            "The certificate as load balancers and gateways name it: its id and its region.",
            optional=True,
        ),
    )

    def open(self, operation: Operation, account: OpenedFields, inputs: Values) -> Cas:
        """The SDK's client of the region; it tries nothing twice."""
        with sdk(self.kind, *LOGGERS):
            from alibabacloud_cas20200407.client import Client
            from alibabacloud_tea_openapi.utils_models import Config

        fields = account.fields
        secret, token = fields["secret-key"], fields.get("security-token", "")
        client = Client(
            Config(
                access_key_id=fields["access-key"],
                access_key_secret=secret,
                security_token=token or None,
                region_id=inputs.get("region") or fields.get("region") or REGION,
                connect_timeout=int(SECONDS * 1000),
                read_timeout=int(SECONDS * 1000),
                ca=ca_file(),
                user_agent="tic",
            )
        )
        return Cas(
            Account(self.kind, self.label, (secret, token, *telling_lines(inputs.get("privateKeyPem")))),
            client,
        )

    def upload(self, service: Cas, inputs: Values, sent: Bundle, name: str) -> Found:
        """A new one; where that is refused, the one of this name that an earlier run left there."""
        form = {"Name": name, "Cert": sent.fullchain_pem, "Key": traditional(sent.private_key_pem)}
        try:
            return Found(service.upload(form), serial=sent.serial)
        except Refused as refused:
            if refused.status >= 500 or refused.code.startswith((*_DENIED, *_UNKNOWN)):
                raise
            for one in service.uploaded():
                there = Found(str(one.certificate_id), serial=one.serial_no)
                if one.name == name and there.is_(sent):
                    return there
            raise

    def find(self, service: Cas, state: Values, id_: str) -> Found | None:
        """By its serial number: of which digest the fingerprints are is not documented."""
        told = service.detail(id_)
        return None if told is None else Found(id_, serial=told.serial_no)

    def users(self, service: Cas, state: Values, id_: str) -> Sequence[str]:
        """Each resource by its product, domain or instance, and region, as the service saw them last."""
        return [_user(one) for one in service.resources(id_) if str(one.cert_id) == id_]

    def remove(self, service: Cas, state: Values, id_: str) -> None:
        """Fine where it is gone."""
        from alibabacloud_cas20200407.models import DeleteUserCertificateRequest

        asked = DeleteUserCertificateRequest(cert_id=int(id_))
        try:
            service.ask("DeleteUserCertificate", lambda: service.client.delete_user_certificate(asked))
        except Refused as refused:
            if refused.code != _GONE:
                raise

    def told(self, service: Cas, inputs: Values, found: Found) -> dict[str, Any]:
        """The identifier, which the service makes."""
        told = service.detail(found.id)
        return {"certificateIdentifier": told.cert_identifier if told is not None else None}


def _user(one: Any) -> str:
    which = one.domain or one.instance_id or one.id
    return f"{one.cloud_product} {which}" + (f" in {one.region_id}" if one.region_id else "")

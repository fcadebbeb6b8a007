"""tic:deploy/awsAcm:AwsAcm: a certificate in AWS Certificate Manager, replaced under the same ARN.

https://docs.aws.amazon.com/acm/latest/APIReference/API_ImportCertificate.html; what may replace what:
https://docs.aws.amazon.com/acm/latest/userguide/import-reimport.html. An import has no name and no token:
what a killed run imported is found in the list by the certificate itself.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from stacks.broker import OpenedFields
from stacks.errors import StackError
from stacks.provider.deploy.aws import Aws, asker_of
from stacks.provider.deploy.bundle import Bundle, fingerprint
from stacks.provider.deploy.calls import Denied, Refused
from stacks.provider.deploy.stored import Found, Stays, StoredCertificate
from stacks.provider.deploy.unnamed import Unnamed
from stacks.provider.properties import Change, Kind, Property
from stacks.provider.properties import Refused as BadValue
from stacks.provider.resource import Values
from stacks.provider.run import Operation

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

# Without these the list holds certificates with RSA keys of 1024 and 2048 bits alone.
KEY_TYPES: Final = (
    *("RSA_1024", "RSA_2048", "RSA_3072", "RSA_4096"),
    *("EC_prime256v1", "EC_secp384r1", "EC_secp521r1"),
)
_KEY_USES: Final = (
    *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment"),
    *("key_agreement", "key_cert_sign", "crl_sign"),
)
_GONE: Final = "ResourceNotFoundException"
_USED: Final = "ResourceInUseException"


def region(given: str) -> str:
    """A region's name, as AWS writes it."""
    if not given or not set(given) <= set("abcdefghijklmnopqrstuvwxyz0123456789-"):
        raise BadValue("must be the name of a region, as eu-central-1")
    return given


class Acm:
    """ACM with one credential; certificates are called by their ARN, which names their region."""

    def __init__(self, aws: Aws, unnamed: Unnamed) -> None:
        self.aws = aws
        self.unnamed = unnamed

    def certificate(self, arn: str) -> str | None:
        """Its PEM, or None where there is none of this ARN."""
        try:
            return str(self._about(arn, "GetCertificate")["Certificate"])
        except Refused as refused:
            if refused.code == _GONE:
                return None
            raise

    def imported(self, where: str) -> Iterable[Mapping[str, Any]]:
        """The summaries of what was imported in a region."""
        asked: dict[str, Any] = {"Includes": {"keyTypes": list(KEY_TYPES)}}
        while True:
            page = self.aws.call("acm", "ListCertificates", where, asked)
            for each in page["CertificateSummaryList"]:
                if each.get("Type", "IMPORTED") == "IMPORTED":
                    yield each
            if not page.get("NextToken"):
                return
            asked["NextToken"] = page["NextToken"]

    def import_(self, where: str, sent: Bundle, arn: str | None = None) -> str:
        """Import in a region, in the place of `arn` where one is given; the ARN."""
        asked = {"Certificate": sent.certificate_pem.encode(), "PrivateKey": sent.private_key_pem.encode()}
        if sent.chain_pem:
            asked["CertificateChain"] = sent.chain_pem.encode()
        if arn is None:
            return str(self.aws.call("acm", "ImportCertificate", where, asked, once=True)["CertificateArn"])
        return str(self._about(arn, "ImportCertificate", **asked)["CertificateArn"])

    def used_by(self, arn: str) -> Sequence[str]:
        """The ARNs of what uses it."""
        return tuple(self._about(arn, "DescribeCertificate")["Certificate"].get("InUseBy", ()))

    def delete(self, arn: str) -> None:
        """Delete it. Raises StackError."""
        self._about(arn, "DeleteCertificate")

    def _about(self, arn: str, operation: str, **asked: Any) -> Mapping[str, Any]:
        _, _, _, where, account, _ = arn.split(":", 5)
        try:
            return self.aws.call("acm", operation, where, {"CertificateArn": arn, **asked})
        except Denied as refused:
            asker = asker_of(refused)
            if asker in (None, account):
                raise
            raise StackError(
                f"{arn} is in account {account}, and the credential is of account {asker}",
                hint=f"bind one of account {account}: tic stack bind STACK CREDENTIAL --as aws; to deploy to "
                f"{asker}, give that deployment another name",
            ) from None


class AwsAcm(StoredCertificate[Acm]):
    """In place unless the key is of another type: that, ACM takes as another certificate only."""

    token = "tic:deploy/awsAcm:AwsAcm"  # noqa: S105  (a type token)
    kind = "aws"
    label = "AWS Certificate Manager"
    description = (
        "A certificate in AWS Certificate Manager. A renewed one is imported under the same ARN, and what "
        "uses it serves the new one; a key of another type makes another ARN."
    )
    own_inputs = (
        Property(
            "region",
            Kind.STRING,
            "The region, by default the credential's; for CloudFront it is us-east-1.",
            rule=region,
        ),
    )

    def open(self, operation: Operation, account: OpenedFields, inputs: Values) -> Acm:
        """With the credential's keys, its file and profile, or the instance's role."""
        aws = Aws(self.label, account.fields, *(inputs.get("privateKeyPem") or "").splitlines())
        return Acm(aws, Unnamed(operation, self.token))

    def diff(
        self, operation: Operation, state: Values, inputs: Values, ignored: Iterable[str]
    ) -> dict[str, Change]:
        """A region that is named, or no longer named, is the same one still."""
        changes = super().diff(operation, state, inputs, ignored)
        if "region" in changes and inputs.get("region") in (None, state["certificateId"].split(":")[3]):
            changes["region"] = Change.UPDATE
        return changes

    def upload(self, service: Acm, inputs: Values, sent: Bundle, name: str) -> Found:
        """The one that is there without an owner, else a new one."""
        where = inputs.get("region") or service.aws.region
        if not where:
            raise StackError(
                f"neither the deployment nor its credential says in which region of {self.label}",
                hint="give the deployment a `region`, as eu-central-1; then tic stack up",
            )
        return service.unnamed.found_or_uploaded(
            (where, sent.fingerprint),
            lambda: self._there(service, where, sent),
            lambda: Found(service.import_(where, sent), sent.fingerprint),
        )

    def replace(self, service: Acm, state: Values, inputs: Values, sent: Bundle) -> Found | None:
        """Import in its place; None where it is gone, or ACM would refuse what differs."""
        arn = state["certificateId"]
        old = service.certificate(arn)
        if old is None or not _may_replace(old, sent.certificate_pem):
            return None
        try:
            return Found(service.import_(arn.split(":")[3], sent, arn), sent.fingerprint)
        except Refused as refused:
            if refused.code == _GONE:
                return None
            raise

    def find(self, service: Acm, state: Values, id_: str) -> Found | None:
        """By its ARN."""
        pem = service.certificate(id_)
        return None if pem is None else Found(id_, fingerprint(pem))

    def users(self, service: Acm, state: Values, id_: str) -> Sequence[str]:
        """What ACM says uses it; nothing where the credential may not ask, and ACM refuses to delete it."""
        try:
            return service.used_by(id_)
        except Denied:
            return ()

    def remove(self, service: Acm, state: Values, id_: str) -> None:
        """Delete it, which is no part of the least privileges."""
        try:
            service.delete(id_)
        except Denied as refused:
            raise Stays(
                f"the certificate {id_} stays at {self.label}: {refused}",
                hint="let the credential do acm:DeleteCertificate and run it again, or keep it there: "
                "retain_on_delete",
            ) from None
        except Refused as refused:
            if refused.code == _USED:
                raise Stays(
                    f"the certificate {id_} stays at {self.label}: something uses it",
                    hint="give that another certificate (acm:DescribeCertificate tells what it is); then run "
                    "it again",
                ) from None
            if refused.code != _GONE:
                raise

    def _there(self, service: Acm, where: str, sent: Bundle) -> Iterable[Found]:
        for each in service.imported(where):
            ends = each.get("NotAfter")
            if ends is None or abs((ends - sent.not_after).total_seconds()) < 1:
                pem = service.certificate(each["CertificateArn"])
                if pem is not None and fingerprint(pem) == sent.fingerprint:
                    yield Found(each["CertificateArn"], sent.fingerprint)


def _may_replace(old_pem: str, new_pem: str) -> bool:
    """Whether key type and size are the same, and no use of the key is taken away."""
    from cryptography import x509

    old, new = (x509.load_pem_x509_certificate(each.encode()) for each in (old_pem, new_pem))
    return _key(old) == _key(new) and _uses(old) <= _uses(new)


def _key(certificate: "Certificate") -> tuple[str, int]:
    public: Any = certificate.public_key()
    return type(public).__name__, public.key_size


def _uses(certificate: "Certificate") -> set[str]:
    from cryptography import x509

    found: set[str] = set()
    for extension in certificate.extensions:
        if isinstance(extension.value, x509.KeyUsage):
            found |= {each for each in _KEY_USES if getattr(extension.value, each)}
        if isinstance(extension.value, x509.ExtendedKeyUsage):
            found |= {each.dotted_string for each in extension.value}
    return found

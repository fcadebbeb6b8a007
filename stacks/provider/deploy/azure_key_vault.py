"""tic:deploy/azureKeyVault:AzureKeyVault: a certificate in a key vault, each renewal a new version of it.

https://learn.microsoft.com/rest/api/keyvault/certificates/import-certificate/import-certificate; the name is
in the vault's address of it, which has no version: what uses that gets the new one. A deleted certificate
keeps its name until its retention ends: https://learn.microsoft.com/azure/key-vault/general/soft-delete-overview
"""

import re
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Final, TypeVar

from stacks.broker import OpenedFields
from stacks.errors import StackError
from stacks.provider.deploy.azure import Azure
from stacks.provider.deploy.bundle import Bundle
from stacks.provider.deploy.calls import Denied, Refused, unless_gone
from stacks.provider.deploy.key_vault_form import pfx, policy_of
from stacks.provider.deploy.owner import owner
from stacks.provider.deploy.stored import Found, Stays, StoredCertificate
from stacks.provider.properties import Change, Kind, Property
from stacks.provider.properties import Refused as BadValue
from stacks.provider.resource import Values
from stacks.provider.run import Operation

if TYPE_CHECKING:
    from azure.keyvault.certificates import CertificateClient

T = TypeVar("T")

READ, IMPORT, DELETE, RECOVER = (
    f"Microsoft.KeyVault/vaults/certificates/{one}"
    for one in ("read", "import/action", "delete", "recover/action")
)
TAG: Final = "tic"  # whose certificate it is: project/stack/name
_VAULT: Final = re.compile(
    r"https://[a-z][a-z0-9-]{1,22}[a-z0-9]\.vault\.(azure\.net|usgovcloudapi\.net|azure\.cn)"
)
WAIT_SECONDS: Final = 60  # for a vault to have deleted or recovered something
_NAME: Final = re.compile(r"[0-9a-zA-Z-]{1,127}")
_DELETED: Final = "ObjectIsDeletedButRecoverable"


def vault_url(given: str) -> str:
    """The address of a vault, without a slash at its end."""
    url = given.rstrip("/").lower()
    if not _VAULT.fullmatch(url):
        raise BadValue("must be the vault's URI, as https://my-vault.vault.azure.net")
    return url


def certificate_name(given: str) -> str:
    """A name that a key vault takes."""
    if not _NAME.fullmatch(given):
        raise BadValue("must be 1 to 127 letters, digits and hyphens")
    return given


class Vault:
    """A key vault with one credential, for the deployment `owner`; every call raises StackError."""

    def __init__(self, azure: Azure, owner: str) -> None:
        self.azure = azure
        self.owner = owner

    def ask(self, action: str, id_: str, question: Callable[["CertificateClient", str], T]) -> T:
        """The answer of the vault about the certificate with this id."""
        from azure.keyvault.certificates import CertificateClient

        url, _, name = id_.partition("/certificates/")
        with ExitStack() as closing:
            credential = self.azure.credential(closing)
            client = closing.enter_context(CertificateClient(url, credential, **self.azure.settings))
            return self.azure.told(action, url.removeprefix("https://"), lambda: question(client, name))

    def certificate(self, id_: str) -> Any:
        """Its newest version, or None where there is none."""
        return unless_gone(lambda: self.ask(READ, id_, lambda client, name: client.get_certificate(name)))

    def import_(self, id_: str, sent: Bundle) -> None:
        """A new version of it, recovered before where it is deleted and this deployment's."""
        try:
            self._import(id_, sent)
        except Refused as refused:
            if _DELETED not in f"{refused.code} {refused}":
                raise
            self._recover(id_)
            self._import(id_, sent)

    def delete(self, id_: str) -> None:
        """Delete all its versions, and wait until the vault has."""
        self.ask(DELETE, id_, lambda client, name: client.begin_delete_certificate(name).wait(WAIT_SECONDS))

    def _import(self, id_: str, sent: Bundle) -> None:
        content, password = pfx(sent)
        self.ask(
            IMPORT,
            id_,
            lambda client, name: client.import_certificate(
                name,
                content,
                password=password,
                policy=policy_of(sent),
                tags={TAG: self.owner},
                preserve_order=True,
            ),
        )

    def _recover(self, id_: str) -> None:
        deleted = unless_gone(
            lambda: self.ask(READ, id_, lambda client, name: client.get_deleted_certificate(name))
        )
        if deleted is not None:
            self.check_own(id_, deleted, "holds, deleted but not yet purged,")
        self.ask(
            RECOVER,
            id_,
            lambda client, name: client.begin_recover_deleted_certificate(name).wait(WAIT_SECONDS),
        )

    def check_own(self, id_: str, found: Any, verb: str = "has") -> None:
        """Raise StackError unless this deployment put it there."""
        if (found.properties.tags or {}).get(TAG) != self.owner:
            url, _, name = id_.partition("/certificates/")
            raise NotOurs(
                f"the key vault {url} {verb} a certificate {name} that this deployment did not put there",
                hint="give the deployment another `certificateName`; or let it have that one: az keyvault "
                f"certificate set-attributes --id {id_} --tags {TAG}={self.owner}",
            )


class NotOurs(StackError):
    """A certificate of this name is somebody else's."""

    exit_code = 3


class AzureKeyVault(StoredCertificate[Vault]):
    """In place, always: what is deleted is recovered, where it is this deployment's."""

    token = "tic:deploy/azureKeyVault:AzureKeyVault"  # noqa: S105  (a type token)
    kind = "azure"
    label = "Azure Key Vault"
    description = (
        "A certificate in an Azure key vault, as PKCS #12 with its chain. A renewed one is a new version of "
        "it. A certificate that is destroyed can be recovered until the vault's retention ends."
    )
    own_inputs = (
        Property(
            "vaultUrl",
            Kind.STRING,
            "The vault's URI, as https://my-vault.vault.azure.net.",
            required=True,
            rule=vault_url,
        ),
        Property(
            "certificateName",
            Kind.STRING,
            "The certificate's name in the vault; by default it is made of the resource's name.",
            change=Change.REPLACE,
            rule=certificate_name,
        ),
    )

    def open(self, operation: Operation, account: OpenedFields, inputs: Values) -> Vault:
        """With the credential's secret, certificate, token file, or the machine's identity."""
        azure = Azure(self.label, account.fields, *(inputs.get("privateKeyPem") or "").splitlines())
        return Vault(azure, owner(operation.urn))

    def diff(
        self, operation: Operation, state: Values, inputs: Values, ignored: Iterable[str]
    ) -> dict[str, Change]:
        """A name that is given, or no longer given, is the same one still."""
        changes = super().diff(operation, state, inputs, ignored)
        has = state["certificateId"].rpartition("/")[2]
        if "certificateName" in changes and inputs.get("certificateName") in (None, has):
            changes["certificateName"] = Change.UPDATE
        return changes

    def upload(self, service: Vault, inputs: Values, sent: Bundle, name: str) -> Found:
        """Under its name, unless somebody else has that."""
        own = (
            inputs.get("certificateName")
            or re.sub(r"[^0-9a-zA-Z-]+", "-", service.owner.rpartition("/")[2])[:127]
        )
        id_ = f"{inputs['vaultUrl']}/certificates/{own}"
        found = service.certificate(id_)
        if found is not None:
            service.check_own(id_, found)
        if found is None or _fingerprint(found) != sent.fingerprint:
            service.import_(id_, sent)
        return Found(id_, sent.fingerprint)

    def replace(self, service: Vault, state: Values, inputs: Values, sent: Bundle) -> Found | None:
        """A new version; where it is gone it is there again."""
        service.import_(state["certificateId"], sent)
        return Found(state["certificateId"], sent.fingerprint)

    def find(self, service: Vault, state: Values, id_: str) -> Found | None:
        """Its newest version."""
        found = service.certificate(id_)
        return None if found is None else Found(id_, _fingerprint(found))

    def remove(self, service: Vault, state: Values, id_: str) -> None:
        """Delete it, which is no part of the least privileges."""
        try:
            unless_gone(lambda: service.delete(id_))
        except Denied as refused:
            raise Stays(
                f"the certificate {id_} stays at {self.label}: {refused}",
                hint=f"let the credential do {DELETE} and run it again, or keep it there: retain_on_delete",
            ) from None


def _fingerprint(found: Any) -> str:
    import hashlib

    return hashlib.sha256(bytes(found.cer)).hexdigest()

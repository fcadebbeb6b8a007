"""Azure by a credential of the vault: a secret, a certificate, a trusted token, or a machine's identity.

https://learn.microsoft.com/python/api/overview/azure/identity-readme; variables of this machine that name
another identity are somebody else's: of them nothing is read.
"""

import re
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

from stacks.errors import StackError
from stacks.provider.deploy.calls import SECONDS, Account, Refused, ca_file, sdk

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential
    from azure.core.exceptions import HttpResponseError

T = TypeVar("T")

ATTEMPTS: Final = 2  # after the first
AUTHORITIES: Final = {
    "public": "login.microsoftonline.com",
    "usgovernment": "login.microsoftonline.us",
    "china": "login.chinacloudapi.cn",
}
_ENTRA: Final = re.compile(r"(?P<code>AADSTS\d+): (?P<words>.*?)(?: Trace ID:|$)", re.DOTALL)
_FIREWALL: Final = "ForbiddenByFirewall"


class Azure:
    """One credential; `settings` are those of every client of the SDK: its time limit and retries."""

    def __init__(self, label: str, fields: Mapping[str, str], *secrets: str) -> None:
        with sdk("azure", "azure", "msal"):
            import azure.identity
            import azure.keyvault.certificates  # noqa: F401  (that both are there)
        kept = (fields.get("client-secret", ""), *fields.get("client-certificate", "").splitlines(), *secrets)
        self._account = Account("azure", label, kept)
        self._fields = fields
        self.settings: dict[str, Any] = {
            "connection_timeout": SECONDS,
            "read_timeout": SECONDS,
            "retry_total": ATTEMPTS,
            "connection_verify": ca_file() or True,
        }

    def credential(self, closing: ExitStack) -> "TokenCredential":
        """What gets tokens; it is closed with the stack. Raises StackError."""
        from azure.identity import (
            CertificateCredential,
            ClientAssertionCredential,
            ClientSecretCredential,
            ManagedIdentityCredential,
        )

        fields = self._fields
        if "identity" in fields:
            settings = {name: value for name, value in self.settings.items() if name != "connection_verify"}
            return closing.enter_context(
                ManagedIdentityCredential(client_id=fields.get("client-id"), **settings)
            )
        authority = AUTHORITIES[fields.get("environment", "public")]
        settings = {**self.settings, "authority": authority}
        who = fields["tenant-id"], fields["client-id"]
        if "federated-token-file" in fields:
            return closing.enter_context(ClientAssertionCredential(*who, self._assertion, **settings))
        if "client-secret" in fields:
            return closing.enter_context(ClientSecretCredential(*who, fields["client-secret"], **settings))
        pem = fields["client-certificate"].encode()
        try:
            return closing.enter_context(CertificateCredential(*who, certificate_data=pem, **settings))
        except ValueError:
            raise StackError(
                f"{self._account.label} can't be asked: the credential's client-certificate holds no "
                "certificate with its private key",
                hint="give it one: tic creds rotate NAME; then tic stack up",
            ) from None

    def _assertion(self) -> str:
        """The whole file, as it is now: whoever issues tokens renews it."""
        file = Path(self._fields["federated-token-file"])
        try:
            return file.read_text("ascii")
        except (OSError, ValueError) as error:
            raise StackError(
                f"{self._account.label} can't be asked: the credential's federated-token-file can't be read "
                f"({type(error).__name__})",
                hint=f"see that {file} is there for this user; then tic stack up",
            ) from None

    def told(self, action: str, host: str, ask: Callable[[], T]) -> T:
        """The answer; raises StackError, and Denied where the permission `action` is missing."""
        from azure.core.exceptions import AzureError, ClientAuthenticationError, HttpResponseError

        try:
            return ask()
        except ClientAuthenticationError as error:
            raise self._unknown(action, error) from None
        except HttpResponseError as error:
            raise self._refusal(action, error) from None
        except AzureError as error:
            raise self._account.unreachable(action, host, error) from None
        except (AttributeError, TypeError, ValueError):  # what the SDK makes of another's answer
            raise self._account.unreadable(action, host) from None

    def _unknown(self, action: str, error: "HttpResponseError") -> Refused:
        """No token, or one that the service does not take."""
        entra = _ENTRA.search(error.message)
        if entra is None:
            words = "no token for this credential, or none that the service takes"
            return self._account.refused(action, 401, type(error).__name__, words, unknown=True)
        return self._account.refused(action, 401, entra["code"], entra["words"], unknown=True)

    def _refusal(self, action: str, error: "HttpResponseError") -> Refused:
        said = error.error
        code = (said and said.code) or ""
        inner = ((said and said.innererror) or {}).get("code") or code
        denied = error.status_code == 403 and inner != _FIREWALL
        words = (said and said.message) or ""
        return self._account.refused(action, error.status_code or 0, inner, words, denied=denied)

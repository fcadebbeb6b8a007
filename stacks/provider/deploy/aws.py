"""AWS by a credential of the vault: keys, a shared credentials file with its profile, or the instance's role.

Profiles, variables and endpoints of this machine are somebody else's: of them nothing is read.
"""

import os
import re
from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from stacks.errors import StackError
from stacks.provider.deploy.calls import SECONDS, Account, Denied, sdk

ATTEMPTS: Final = 3  # of a call that may be made twice
_DENIED: Final = ("AccessDenied", "UnauthorizedOperation", "NotAuthorized")
_UNKNOWN: Final = (
    *("UnrecognizedClient", "InvalidClientTokenId", "InvalidSignature", "SignatureDoesNotMatch"),
    *("IncompleteSignature", "ExpiredToken", "MissingAuthenticationToken"),
)
_OTHER_ACCOUNT: Final = re.compile(r"User: arn:[^:]+:[a-z]+::(?P<account>\d{12}):")
_OF_MACHINES: Final = ("container-role", "iam-role")  # botocore's names of what machines have


class Aws:
    """One credential; its calls raise StackError, a refusal for want of a permission Denied."""

    def __init__(self, label: str, fields: Mapping[str, str], *secrets: str) -> None:
        with sdk("aws", "boto3", "botocore", "s3transfer"):
            import botocore.session
            from botocore.exceptions import BotoCoreError
        self.region = fields.get("region")
        kept = (fields.get("secret-access-key", ""), fields.get("session-token", ""), *secrets)
        self._account = Account("aws", label, kept)
        self._session = botocore.session.get_session(
            {
                "profile": (None, [], None, None),
                "config_file": (None, None, os.devnull, None),
                "credentials_file": (None, None, fields.get("credentials-file") or os.devnull, None),
            }
        )
        self._session.register_component("data_loader", _loader())
        try:
            self._set_credentials(fields)
        except BotoCoreError as error:
            raise self._without_keys(error) from None

    def _set_credentials(self, fields: Mapping[str, str]) -> None:
        if "access-key-id" in fields:
            self._session.set_credentials(
                fields["access-key-id"], fields["secret-access-key"], fields.get("session-token")
            )
            return
        of_file = "credentials-file" in fields
        if of_file:
            self._session.set_config_variable("profile", fields.get("profile") or "default")
        resolver = self._session.get_component("credential_provider")
        for provider in list(resolver.providers):
            if (provider.METHOD in _OF_MACHINES) is of_file:
                resolver.remove(provider.METHOD)

    def call(
        self, service: str, operation: str, region: str, parameters: Mapping[str, Any], *, once: bool = False
    ) -> Mapping[str, Any]:
        """The answer of an operation (`GetCertificate`); `once` where doing it again would do it twice."""
        from botocore import xform_name
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError, ClientError

        action = f"{service}:{operation}"
        settings = Config(
            region_name=region,
            connect_timeout=SECONDS,
            read_timeout=SECONDS,
            retries={"total_max_attempts": 1 if once else ATTEMPTS, "mode": "standard"},
            ignore_configured_endpoint_urls=True,
        )
        try:
            client = self._session.create_client(service, config=settings, verify=_ca_file())
            try:
                answer: Mapping[str, Any] = getattr(client, xform_name(operation))(**parameters)
            finally:
                client.close()
        except ClientError as error:
            raise self._refusal(action, error.response) from None
        except BotoCoreError as error:
            raise self._unasked(action, region, error) from None
        return answer

    def _refusal(self, action: str, answer: Mapping[str, Any]) -> StackError:
        error = answer.get("Error", {})
        code, words = str(error.get("Code", "")), str(error.get("Message", ""))
        status = int(answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
        return self._account.refused(
            action, status, code, words, denied=code.startswith(_DENIED), unknown=code.startswith(_UNKNOWN)
        )

    def _unasked(self, action: str, region: str, error: Exception) -> StackError:
        from botocore import exceptions

        if isinstance(
            error,
            exceptions.NoCredentialsError
            | exceptions.PartialCredentialsError
            | exceptions.ProfileNotFound
            | exceptions.CredentialRetrievalError,
        ):
            return self._without_keys(error)
        return self._account.unreachable(action, f"AWS in {region}", error)

    def _without_keys(self, error: Exception) -> StackError:
        return StackError(
            f"{self._account.label} can't be asked: the credential's file, profile or instance has no keys "
            f"({type(error).__name__})",
            hint="see what it names: tic creds show NAME; then tic stack up",
        )


def asker_of(refusal: Denied) -> str | None:
    """The account of who asked, as IAM's words tell it; a certificate of another one can't be had."""
    asker = _OTHER_ACCOUNT.search(str(refusal))
    return asker and asker["account"]


@cache
def _loader() -> Any:
    """What reads AWS's descriptions of its services: once in a process, as they are megabytes."""
    from botocore.loaders import create_loader

    return create_loader()


def _ca_file() -> str | None:
    """SSL_CERT_FILE, which botocore does not ask; it asks AWS_CA_BUNDLE and REQUESTS_CA_BUNDLE itself."""
    if os.environ.get("AWS_CA_BUNDLE") or os.environ.get("REQUESTS_CA_BUNDLE"):
        return None
    return os.environ.get("SSL_CERT_FILE") or None

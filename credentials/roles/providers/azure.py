"""Azure: managed identities, and applications that trust an OIDC issuer's tokens (workload identity).

There are no temporary keys to hand over: a session is the public fields with which Pulumi's providers and
lego get their own tokens the same way, and it is one only if a token was really had. So no credential of the
vault takes a role on here, sessions have no names, and nothing narrows them.
https://learn.microsoft.com/entra/workload-id/workload-identity-federation and
https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token
"""

import json
import re
import time
from collections.abc import Mapping
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Final

from credentials.roles import answers, azure_refusals, oidc, sources
from credentials.roles.errors import BadRole, Reason, SourceFailed
from credentials.roles.mending import not_assumed
from credentials.roles.metadata import FINDING_SECONDS, Metadata
from credentials.roles.role import Role, Session, Source, SourceKind
from credentials.secret import SecretBytes

if TYPE_CHECKING:
    from azure.core.credentials import AccessToken, TokenCredential

LABEL: Final = "Azure"
LOGGERS: Final = ("azure", "msal")
SOURCES: Final[frozenset[SourceKind]] = frozenset({"metadata", "oidc"})
SESSION_SECONDS: Final = (
    300,
    3600,
    86400,
)  # Entra alone decides: an hour or so, a day for a managed identity
SETTINGS: Final = {
    "tenant-id": "the directory (tenant) of the application",
    "subscription-id": "the subscription of the stacks",
    "resource-group": "the resource group of the DNS zones, where only one is to be searched",
    "environment": "which of Azure's clouds: public, usgovernment or china",
}
USUAL_ROLE: Final = "tic"
AUDIENCE: Final = "api://AzureADTokenExchange"
SYSTEM: Final = "system"

_GUID: Final = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_RESOURCE: Final = re.compile(
    rf"/subscriptions/{_GUID.pattern}/resource[gG]roups/[\w.()-]{{1,90}}"
    r"/providers/Microsoft\.ManagedIdentity/userAssignedIdentities/[\w-]{1,128}",
    re.ASCII,
)
_PORTALS: Final = {
    "public": "https://portal.azure.com",
    "usgovernment": "https://portal.azure.us",
    "china": "https://portal.azure.cn",
}
_KEPT: Final = ("subscription-id", "resource-group", "environment")
_TOKEN_FILES: Final = ("AZURE_FEDERATED_TOKEN_FILE",)
_ENDPOINTS: Final = ("IDENTITY_ENDPOINT", "MSI_ENDPOINT")  # of App Service, and others that are no machine
_MACHINE: Final = "http://169.254.169.254"
_ABOUT: Final = "/metadata/instance/compute/azEnvironment?api-version=2021-02-01&format=text"


def checked_role(text: str) -> str:
    """A client id, a managed identity's resource id, or `system`; raises BadRole."""
    role = text.strip()
    if role != SYSTEM and not _GUID.fullmatch(role) and not _RESOURCE.fullmatch(role):
        raise BadRole(
            f"{role[:80]!r} is no role of Azure",
            hint="one looks like 11111111-2222-4333-8444-555555555555, the client ID of an application or "
            "managed identity; or like /subscriptions/ID/resourceGroups/NAME/providers/"
            "Microsoft.ManagedIdentity/userAssignedIdentities/NAME; or it is system, the machine's own",
        )
    return role


def assume(
    role: Role,
    identity: Mapping[str, SecretBytes] | None,
    *,
    session_name: str,
    policy: str | None,
    timeout: float,
    environ: Mapping[str, str],
) -> Session:
    """Get a token for the resource manager; raises NotAssumed, SourceFailed, PackageMissing.

    The SDK reads the variables of managed identities from this process itself.
    """
    from credentials.identity import sdk
    from credentials.identity.azure import CLOUDS, claims_of
    from credentials.identity.network import ca_file

    authority, manager = CLOUDS[_environment(role)]
    settings = {"connection_timeout": timeout, "read_timeout": timeout, "retry_total": 0}
    with sdk("azure"), ExitStack() as closing:
        if role.source.kind == "oidc":
            fields = _federated(role, environ)
            verify = {"authority": authority, "connection_verify": ca_file() or True}
            credential = closing.enter_context(_application(fields, {**settings, **verify}))
        else:
            fields = {"identity": "managed"}
            credential = closing.enter_context(_managed(role, settings))
        token = _token(role, credential, f"https://{manager}/.default", timeout)
    claims = claims_of(token.token)
    if role.source.kind == "metadata":
        known = {"client-id": claims.get("appid", ""), "tenant-id": claims.get("tid", "")}
        fields |= known if role.role != SYSTEM else {"tenant-id": known["tenant-id"]}
    kept = {
        name: role.settings.get(name, "") for name in ("subscription-id", "resource-group", "environment")
    }
    return Session(
        {name: SecretBytes(value.encode()) for name, value in {**kept, **fields}.items() if value},
        float(token.expires_on),
        claims.get("tid", ""),
        claims.get("oid", ""),
    )


def find_sources(environ: Mapping[str, str]) -> tuple[Source, ...]:
    """A pod's or job's token, and the identity of the machine or service that this is."""
    service = Metadata(environ.get("AZURE_POD_IDENTITY_AUTHORITY_HOST") or _MACHINE, FINDING_SECONDS)

    def machine() -> bool:
        if any(environ.get(name) for name in _ENDPOINTS):
            return True
        return service.get(_ABOUT, {"Metadata": "true"}).text().startswith("Azure")

    return sources.found(environ, _TOKEN_FILES, machine)


def trust_policy(role: Role, account: str | None) -> str:
    """The application's federated credential, or what gives a machine the managed identity."""
    if role.source.kind == "oidc":
        trusted = {"name": USUAL_ROLE, **_claims(role.source)}
        return json.dumps({**trusted, "description": "tic takes this application on"}, indent=2)
    if role.role == SYSTEM:
        return json.dumps({"identity": {"type": "SystemAssigned"}}, indent=2)
    resource = role.role if _RESOURCE.fullmatch(role.role) else "RESOURCE-ID-OF-THE-MANAGED-IDENTITY"
    assigned: dict[str, Any] = {"type": "UserAssigned", "userAssignedIdentities": {resource: {}}}
    return json.dumps({"identity": assigned}, indent=2)


def console(role: Role | None) -> str:
    """The portal's page where applications are made, or the role's own."""
    portal = _PORTALS[_environment(role) if role is not None else "public"]
    if role is not None and _RESOURCE.fullmatch(role.role):
        return f"{portal}/#resource{role.role}"
    if role is not None and role.source.kind == "metadata":
        return f"{portal}/#browse/Microsoft.ManagedIdentity%2FuserAssignedIdentities"
    page = f"{portal}/#view/Microsoft_AAD_RegisteredApps"
    if role is not None and _GUID.fullmatch(role.role):
        return f"{page}/ApplicationMenuBlade/~/Credentials/appId/{role.role}"
    return f"{page}/ApplicationsListBlade"


def session_policy(purpose: str) -> str | None:
    """None: what a token may do is what the identity's roles say."""
    return None


def _environment(role: Role) -> str:
    environment = role.settings.get("environment") or "public"
    return environment if environment in _PORTALS else "public"


def _federated(role: Role, environ: Mapping[str, str]) -> dict[str, str]:
    """The fields of an application that trusts a token; the token is looked at before anybody is asked."""
    if not _GUID.fullmatch(role.role):
        raise SourceFailed(
            Reason.SOURCE_REJECTED,
            "a token takes on an application or a managed identity by its client ID alone",
            hint="name that: tic role enable PROVIDER --role CLIENT-ID",
        )
    path = sources.token_file(role, environ, _TOKEN_FILES)
    oidc.read(path, now=time.time())
    tenant = sources.setting(role, "tenant-id", environ, "AZURE_TENANT_ID")
    return {"federated-token-file": path, "client-id": role.role, "tenant-id": tenant}


def _application(fields: Mapping[str, str], settings: dict[str, Any]) -> Any:
    from azure.identity import ClientAssertionCredential

    def proof() -> str:
        """The whole file, to a newline at its end: that is what Pulumi's providers and lego send."""
        return oidc.read(fields["federated-token-file"], now=time.time()).whole.reveal().decode("ascii")

    return ClientAssertionCredential(fields["tenant-id"], fields["client-id"], proof, **settings)


def _managed(role: Role, settings: dict[str, Any]) -> Any:
    """The machine's identity, asked for without the proxy; never a pod's token, which is another source."""
    from azure.identity import ManagedIdentityCredential

    which: dict[str, Any] = {}
    if _RESOURCE.fullmatch(role.role):
        which = {"identity_config": {"resource_id": role.role}}
    elif role.role != SYSTEM:
        which = {"client_id": role.role}
    limits = {**settings, "connection_timeout": min(1.0, settings["connection_timeout"])}
    direct: dict[str, Any] = {"use_env_settings": False, "_exclude_workload_identity_credential": True}
    return ManagedIdentityCredential(**which, **limits, **direct)


def _token(role: Role, credential: "TokenCredential", scope: str, timeout: float) -> "AccessToken":
    from azure.core.exceptions import AzureError

    try:
        return credential.get_token(scope)
    except AzureError as error:
        raise azure_refusals.translated(role, console(role), error, timeout) from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise not_assumed(role, Reason.UNKNOWN, console(role), answers.STRANGE) from None


def _claims(source: Source) -> dict[str, Any]:
    """What is compared of a token: as in the source's own, else words for somebody to replace."""
    try:
        token = oidc.read(source.token_file or "", now=0)
    except SourceFailed:
        return {"issuer": "ISSUER-URL", "subject": "SUBJECT", "audiences": [AUDIENCE]}
    return {"issuer": token.issuer, "subject": token.subject, "audiences": [*token.audiences]}

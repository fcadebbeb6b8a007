"""The one step that lets a role be taken on again: a command of tic's, or a page of the cloud's."""

from typing import Final

from credentials.roles.errors import NotAssumed, Reason
from credentials.roles.role import Role

_THEN: Final = "; then: tic role reauthorize {provider}"
_STEPS: Final = {
    Reason.ROLE_GONE: "make the role again at {console}, or name another one: tic role enable {provider} "
    "--role ROLE" + _THEN,
    Reason.TRUST_GONE: "give the role at {console} this trust policy: tic role policy {provider} --trust"
    + _THEN,
    Reason.DENIED: "allow who takes the role on to do so, and see that the role trusts it: tic role policy "
    "{provider} --trust; at {console}" + _THEN,
    Reason.CLOCK_SKEW: "set this machine's clock: timedatectl set-ntp true" + _THEN,
    Reason.SOURCE_MISSING: "name another source: tic role enable {provider} --source credential:NAME",
    Reason.TOO_LONG: "ask for less than {seconds} seconds: tic role enable {provider} --session SECONDS; or "
    "let the role's sessions be longer at {console}",
    Reason.UNREACHABLE: "check the network, HTTPS_PROXY and the CA certificates" + _THEN,
    Reason.UNKNOWN: "try again in a minute: tic role reauthorize {provider}",
}
_REJECTED: Final = {
    "credential": "give the credential the provider's new keys: tic creds rotate {credential}" + _THEN,
    "oidc": "have the token's issuer write a new one, and register the issuer with the provider" + _THEN,
    "metadata": "give this machine its role again in the cloud's console" + _THEN,
}


def not_assumed(role: Role, reason: Reason, console: str, said: str = "") -> NotAssumed:
    """The error with its hint; `console` is the role's page, `said` what the provider answered, in short."""
    step = _REJECTED[role.source.kind] if reason is Reason.SOURCE_REJECTED else _STEPS[reason]
    hint = step.format(
        provider=role.provider,
        console=console,
        seconds=role.session_seconds,
        credential=role.source.credential or "CREDENTIAL",
    )
    return NotAssumed(role.provider, role.role, reason, said=said, hint=hint)

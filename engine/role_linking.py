"""Linking a role: who takes it on, trying it until it works, and watching that it still does."""

import os
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from credentials import roles
from credentials.credential import RoleState
from credentials.roles import BadRole, NotAssumed, Provider, Reason, Role, Source, SourceKind
from engine.errors import EngineError

if TYPE_CHECKING:
    from credentials.role_store import LinkedRole
    from credentials.vault import Vault

# What a person mends in the cloud, or the network by itself, so that waiting for it makes sense.
WAITED_FOR: Final = frozenset({Reason.ROLE_GONE, Reason.TRUST_GONE, Reason.DENIED, Reason.UNREACHABLE})
PAUSE_SECONDS: Final = 5.0
AT_ONCE: Final = 8


class NoSource(EngineError):
    """Nothing on this machine can take the role on."""

    exit_code = 3


@dataclass(frozen=True, slots=True)
class Wanted:
    """What `tic role enable` was given; None stands for what was linked before, else for the usual."""

    provider: str
    role: str | None = None
    external_id: str | None = None
    source: str | None = None
    session_seconds: int | None = None
    settings: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Checked:
    """A linked role as it is now; `hint` is what mends it, None where it was taken on."""

    linked: "LinkedRole"
    hint: str | None = None


def describe(vault: "Vault", wanted: Wanted, environ: Mapping[str, str] = os.environ) -> Role:
    """The role to link; raises BadRole, UnknownRoleProvider, NoSource, NoCredential."""
    module = roles.provider(wanted.provider)
    provider = own_name(wanted.provider)
    before = _before(vault, provider)
    text = wanted.role or (before.role if before is not None else None)
    if text is None:
        raise BadRole(
            f"which role of {provider}?",
            hint=f"make one there ({module.console(None)}), then: tic role enable {provider} --role ROLE; "
            f"whom it must trust: tic role policy {provider} --trust",
        )
    least, usual, most = module.SESSION_SECONDS
    seconds = wanted.session_seconds
    if seconds is None:
        seconds = before.session_seconds if before is not None else usual
    if not least <= seconds <= most:
        raise BadRole(
            f"a session of {seconds} seconds is not possible: {provider} takes {least} to {most}",
            hint=f"give fewer or more: --session {min(max(seconds, least), most)}",
        )
    settings = dict(before.settings if before is not None else {}) | dict(wanted.settings or {})
    if unknown := settings.keys() - module.SETTINGS.keys():
        raise BadRole(
            f"{min(unknown)} is no setting of a role of {provider}",
            hint="it has: "
            + (", ".join(f"{name} ({what})" for name, what in module.SETTINGS.items()) or "none"),
        )
    return Role(
        provider,
        module.checked_role(text),
        wanted.external_id or (before.external_id if before is not None else external_id(vault)),
        seconds,
        _source(vault, provider, module, wanted.source, before, environ),
        settings,
    )


def linked_or_likely(vault: "Vault", provider: str, environ: Mapping[str, str] = os.environ) -> Role:
    """The provider's linked role; where there is none, what `enable` would link without a name yet."""
    before = _before(vault, provider)
    if before is not None:
        return before
    module = roles.provider(provider)
    try:
        source = _source(vault, provider, module, None, None, environ)
    except NoSource:  # a draft of the policy all the same, for whoever makes the role first
        source = Source("credential" if "credential" in module.SOURCES else "oidc")
    return Role(provider, "", external_id(vault), module.SESSION_SECONDS[1], source)


def external_id(vault: "Vault") -> str:
    """What the trust policy wants to hear besides: this vault's own, so no other vault's role is mistaken."""
    return f"tic-{vault.status().vault_id[:16]}"


def attempt(vault: "Vault", provider: str, environ: Mapping[str, str] = os.environ) -> "LinkedRole":
    """Take the role on once, and note what came of it; raises NotAssumed, NotLinked (SPEC A2, A4)."""
    from engine.role_sessions import RoleSessions

    sessions = RoleSessions(vault, stack="trial", run=secrets.token_hex(4), environ=environ)
    sessions.opened(provider)
    return vault.linked.find(provider)


def enable(
    vault: "Vault",
    role: Role,
    *,
    wait_seconds: float,
    waiting: Callable[[NotAssumed], None],
    pause: Callable[[float], object] = time.sleep,
    now: Callable[[], float] = time.monotonic,
) -> "LinkedRole":
    """Link the role and take it on; while that fails for what can be mended in the cloud, wait for it.

    `waiting` hears of each new reason. Raises NotAssumed; the role stays Authorizing then.
    """
    vault.linked.link(role)
    deadline = now() + wait_seconds
    said: str | None = None
    while True:
        try:
            return attempt(vault, role.provider)
        except NotAssumed as error:
            if error.reason not in WAITED_FOR or now() >= deadline:
                raise
            if error.told != said:
                said = error.told
                waiting(error)
        pause(PAUSE_SECONDS)


def checked(vault: "Vault", providers: Sequence[str]) -> list[Checked]:
    """Try these roles, all at once, and return what they are now (SPEC A4)."""

    def check(provider: str) -> Checked:
        try:
            return Checked(attempt(vault, provider))
        except NotAssumed as error:
            return Checked(vault.linked.find(provider), error.hint)

    with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        return list(pool.map(check, providers))


def own_name(provider: str) -> str:
    """The kind's own name of a provider whose roles can be taken on; raises UnknownRoleProvider."""
    from credentials import kinds

    roles.provider(provider)
    return kinds.load(provider).name


def _before(vault: "Vault", provider: str) -> Role | None:
    if vault.role(provider) is RoleState.DISABLED:
        return None
    return vault.linked.find(provider).role


def _source(
    vault: "Vault",
    provider: str,
    module: Provider,
    given: str | None,
    before: Role | None,
    environ: Mapping[str, str],
) -> Source:
    """Who takes the role on: as given, as before, what is found on this machine, or the Active credential."""
    if given is None and before is not None:
        return before.source
    found = {source.kind: source for source in module.find_sources(environ)}
    if given is None:
        for kind in ("oidc", "metadata"):
            if kind in found:
                return found[kind]
        active = vault.active(provider)
        if active is not None and "credential" in module.SOURCES:
            return Source("credential", credential=active.token)
        raise NoSource(
            f"nothing here can take on the role of {provider}: this machine has no identity of that cloud, "
            "there is no OIDC token file, and the vault has no Active credential of it",
            hint="run tic on a machine or in a CI job with an identity, or name one: "
            f"tic role enable {provider} --role ROLE --source {'|'.join(sorted(module.SOURCES))}",
        )
    return _named(vault, provider, module, given, found)


def _named(
    vault: "Vault", provider: str, module: Provider, given: str, found: Mapping[SourceKind, Source]
) -> Source:
    kind, _, rest = given.partition(":")
    if kind not in module.SOURCES:
        can = ", ".join(sorted(module.SOURCES))
        raise BadRole(
            f"a role of {provider} can't be taken on by {kind!r}",
            hint=f"it can be by: {can}; as --source metadata, --source oidc[:FILE], --source credential:NAME",
        )
    if kind == "credential":
        chosen = vault.find(rest) if rest else vault.active(provider)
        if chosen is None:
            raise NoSource(
                f"the vault has no Active credential of {provider} to take its role on with",
                hint=f"add one: tic creds new NAME --provider {provider}; or name another source: "
                f"tic role enable {provider} --source {'|'.join(sorted(module.SOURCES))}",
            )
        return Source("credential", credential=chosen.token)
    if kind == "oidc":
        if rest:
            return Source("oidc", token_file=os.path.abspath(rest))  # noqa: PTH100  # may not be there yet
        if "oidc" not in found:
            raise NoSource(
                f"no variable of {provider} names an OIDC token file here",
                hint=f"name the file: tic role enable {provider} --source oidc:FILE",
            )
        return found["oidc"]
    return found.get("metadata", Source("metadata"))

"""A stack that moves out: its state as a file, for `pulumi stack import` or `tic stack import-state`."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from engine.errors import EngineError

if TYPE_CHECKING:
    from engine.installation import Installation
    from engine.state.stacks import Stack
    from engine.state.untyped import Untyped

How = Literal["sealed", "shown", "passphrase"]


class NoVersion(EngineError):
    """The stack has no such version."""

    exit_code = 4


def export_state(
    installation: "Installation", stack: "Stack", *, version: int | None, how: How, phrase: str | None = None
) -> "Untyped":
    """The state of `stack` as of now, or after one version.

    Its secrets are as they lie in the database (`sealed`: this vault alone opens them), in plaintext
    (`shown`), or sealed under `phrase` for Pulumi's passphrase provider. What leaves the vault is in the
    audit log before it is returned. Raises NoVersion, SealedElsewhere.
    """
    from credentials.audit import Event

    state = _kept(installation, stack, version)
    if how != "sealed" and state.secrets().sealed:
        detail = {"secrets": how, "version": str(version or stack.version)}
        state = _opened(installation, stack, state)
        installation.vault.note(Event("stack.export", "done", stack=stack.full_name, detail=detail))
    if how == "passphrase":
        return _under_passphrase(state, phrase or "")
    return _for_any_service(state) if how == "shown" else state


def _kept(installation: "Installation", stack: "Stack", version: int | None) -> "Untyped":
    from engine.state import checkpoints, versions
    from engine.state.untyped import Untyped

    with installation.database.read() as connection:
        if version is None:
            found = checkpoints.latest(connection, stack.id)
        elif not 0 < version <= stack.version:
            raise NoVersion(
                f"stack {stack.full_name} has no version {version}; its last is {stack.version}",
                hint=f"see which there are: tic stack history {stack.full_name}",
            )
        else:
            found = versions.at(connection, stack.id, version)
    deployment = dict(found.deployment)
    if (deployment.get("secrets_providers") or {}).get("type") in (None, "service"):
        # Without an address: what lies in a file is served nowhere.
        own = {"owner": stack.org, "project": stack.project, "stack": stack.name}
        deployment["secrets_providers"] = {"type": "service", "state": own}
    return Untyped(found.schema, found.features, deployment)


def _opened(installation: "Installation", stack: "Stack", state: "Untyped") -> "Untyped":
    """The state with its secrets in plaintext; raises SealedElsewhere where the vault did not seal them."""
    import base64

    from engine.state.sealing import SECRET, context, require_sealed_here
    from engine.state.urns import SIGNATURE

    require_sealed_here(state.deployment)
    own = context(stack.id)

    def opened(secret: dict[str, Any]) -> dict[str, Any]:
        plaintext = installation.vault.unseal(own, base64.b64decode(secret["ciphertext"]))
        return {SIGNATURE: SECRET, "plaintext": plaintext.decode()}

    return state.with_secrets(opened)


def _for_any_service(state: "Untyped") -> "Untyped":
    """The state as Pulumi's CLI takes it in: it asks for an account at the service that the state names, and
    then seals by the stack's own provider.
    """
    from engine.state_sealers import CLOUD

    provider = state.deployment["secrets_providers"]
    named = {**provider, "state": {"url": CLOUD, **provider["state"]}}
    return replace(state, deployment={**state.deployment, "secrets_providers": named})


def _under_passphrase(state: "Untyped", phrase: str) -> "Untyped":
    """The state as a stack of Pulumi's passphrase provider has it; raises SealedElsewhere."""
    from engine.state.passphrase import TYPE, Passphrase
    from engine.state.sealing import SECRET, require_sealed_here
    from engine.state.urns import SIGNATURE

    require_sealed_here(state.deployment)
    key = Passphrase.new(phrase)
    sealed = state.with_secrets(
        lambda secret: {SIGNATURE: SECRET, "ciphertext": key.seal(secret["plaintext"].encode())}
    )
    provider = {"type": TYPE, "state": {"salt": key.state}}
    return replace(sealed, deployment={**sealed.deployment, "secrets_providers": provider})

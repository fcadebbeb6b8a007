"""A state on its way in: opened, under the URNs of its stack, as the engine accepts it, and sealed."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from engine import bindings
from engine.state_needs import Needs
from engine.state_sealers import Own, unsealer
from engine.state_target import ImportRefused, Target

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from credentials.scopes import Place
    from engine.installation import Installation
    from engine.state.residue import Residue
    from engine.state.sieve import Sieve
    from engine.state.stacks import Stack
    from engine.state.untyped import Untyped


def own_stacks(installation: "Installation", connection: "Connection", state: "Untyped") -> Own:
    """The stacks for which this vault may have sealed the state: first the one that the state names."""
    from engine.state import stacks

    told = (state.deployment.get("secrets_providers") or {}).get("state")
    named = (told.get("project"), told.get("stack")) if isinstance(told, dict) else None
    everyone = stacks.list_all(connection)
    everyone.sort(key=lambda each: (each.project, each.name) != named)
    return Own(installation.vault, tuple(each.id for each in everyone))


def opened(state: "Untyped", target: Target, phrase: Callable[[], str], own: Own) -> "Untyped":
    """The state with every secret in plaintext."""
    from engine.state.sealing import SECRET
    from engine.state.urns import SIGNATURE

    if not state.secrets().sealed:
        return state
    unseal = unsealer(state, target.full_name, phrase=phrase, own=own)

    def shown(secret: dict[str, Any]) -> dict[str, Any]:
        if "ciphertext" not in secret:
            return secret
        return {SIGNATURE: SECRET, "plaintext": unseal(secret["ciphertext"]).decode()}

    return state.with_secrets(shown)


def renamed(state: "Untyped", target: Target) -> "Untyped":
    """The state with the URNs of the target, also in what is secret."""
    import orjson

    from engine.state.urns import Renaming

    for owner in state.owners() - {(target.project, target.name)}:
        renaming = Renaming(owner, (target.project, target.name))

        def change(secret: dict[str, Any], renaming: Renaming = renaming) -> dict[str, Any]:
            value = renaming.value(orjson.loads(secret["plaintext"]))
            return {**secret, "plaintext": orjson.dumps(value).decode()}

        state = replace(state, deployment=renaming.deployment(state.deployment)).with_secrets(change)
    return state


def sound(state: "Untyped", target: Target) -> tuple["Untyped", str | None]:
    """The state as the engine will accept it, and what was repaired for that. Raises ImportRefused."""
    from engine.state.integrity import fault, repair

    found = fault(state.resources)
    if found is None:
        return state, None
    repaired = repair(state.resources)
    if repaired is None or fault(repaired) is not None:
        raise ImportRefused(
            f"the engine would refuse this state: {found}",
            hint="mend it where it is: pulumi state repair; then export it again, and: "
            f"tic stack import-state {target.full_name} FILE",
        )
    return replace(state, deployment={**state.deployment, "resources": repaired}), found


def sieve_for(
    installation: "Installation", known: "Stack | None", wanted: Needs, here: "Place", target: Target
) -> "Sieve":
    """What finds the secrets of the credentials that serve the stack, or will: the state may repeat them."""
    from credentials.credential import State
    from credentials.delivery import for_run
    from credentials.scopes import OutOfScope
    from engine.state.sieve import Sieve

    sieve, tokens = Sieve(), set[str]()
    if known is not None:
        with installation.database.read() as connection:
            tokens |= {each.token for each in bindings.bound(connection, known.id) if each.token}
    for view in installation.vault.list():
        if view.credential.kind in wanted.kinds and view.credential.state is State.ACTIVE:
            tokens.add(view.credential.token)
    for token in sorted(tokens):
        try:
            opened = installation.vault.opened(
                token, purpose=f"import-state {target.full_name}", place=here, stack=target.full_name
            )
        except OutOfScope:
            continue  # it will not serve the stack either
        sieve.add(for_run([opened]).secrets)
    return sieve


def sealed(
    installation: "Installation",
    stack: "Stack",
    state: "Untyped",
    sieve: "Sieve",
    report: "Callable[[Residue], None]",
) -> "Untyped":
    """The state with nothing in plaintext that is secret, sealed by the vault for this stack."""
    from engine.state.residue import seal_deployment
    from engine.state.sealing import encrypter

    encrypt = encrypter(installation.vault, stack.id)
    deployment = seal_deployment(state.deployment, sieve, encrypt, report)
    own = {"owner": stack.org, "project": stack.project, "stack": stack.name}
    deployment["secrets_providers"] = {"type": "service", "state": own}
    deployment["metadata"] = {}
    done = replace(state, deployment=deployment)
    if done.secrets().shown:
        raise ImportRefused(
            "the state has secrets in places where Pulumi keeps none",
            hint="export it again, and leave it as it is: pulumi stack export --stack NAME",
        )
    return done

"""Changing what a stack is bound to: another credential, a further one in a slot, or none any more."""

from pathlib import Path
from typing import TYPE_CHECKING

from credentials import kinds, scopes, slots
from engine import binding_use, bindings, place
from engine.bindings import Binding
from engine.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from credentials.credential import Credential
    from engine.installation import Installation
    from engine.state.stacks import Stack


class NotBound(EngineError):
    """The stack has no such binding."""

    exit_code = 4

    def __init__(self, stack: str, what: str) -> None:
        super().__init__(
            f"stack {stack} is bound to nothing {what}", hint=f"see its bindings: tic stack show {stack}"
        )


class SlotUnclear(EngineError):
    """Several providers have a slot of this name."""

    exit_code = 2

    def __init__(self, stack: str, slot: str, found: "Sequence[Binding]") -> None:
        providers = [each.provider for each in found]
        super().__init__(
            f"stack {stack} has a slot {slot} of {' and of '.join(providers)}",
            hint=f"say which: tic stack unbind {stack} --as {slot} --provider {providers[0]}",
        )


class StillUsed(EngineError):
    """Resources of the stack are reached through the binding: without it they could not be changed, or with
    another credential's rights.
    """

    exit_code = 3

    def __init__(self, stack: str, binding: Binding, users: "Sequence[str]") -> None:
        shown = ", ".join(users[:3]) + (f" and {len(users) - 3} more" if len(users) > 3 else "")
        need = "needs" if len(users) == 1 else "need"
        super().__init__(
            f"{binding} can't be taken from stack {stack}: {shown} {need} it",
            hint=f"take that out of the program and run: tic stack up {stack}; or destroy it: "
            f"tic stack destroy {stack}; or move it to another credential: {_again(stack, binding)}",
        )


def rebind(installation: "Installation", stack: "Stack", reference: str, slot: str = "") -> "Credential":
    """Let the credential of this name or token serve its provider's part of the stack, or a slot of it.

    Returns the credential. Raises BadSlot; NoCredential; OutOfScope where the stack's project and repository
    are none that it may be used in.
    """
    from credentials.register import found

    key = slots.checked(slot) if slot else ""
    here = place.of_stack(stack.project, Path(stack.folder or Path.cwd()))
    with installation.vault.change("binding.set", stack=stack.full_name) as change:
        credential = found(change.connection, reference)
        detail = {"as": slot} if slot else {}
        change.about(credential=credential.token, name=credential.name, kind=credential.kind, detail=detail)
        scopes.check(credential.name, credential.scope, here)
        bindings.bind(change.connection, stack.id, credential.id, slots.key(credential.kind, key))
    return credential


def serve(installation: "Installation", stack: "Stack", provider: str, slot: str = "") -> Binding:
    """Let what serves a provider now serve it in the stack: its enabled role, else its Active credential.

    Raises UnknownKind, BadSlot, Unauthorized, ActiveOutOfScope.
    """
    kind = kinds.load(provider).name
    key = slots.key(kind, slots.checked(slot) if slot else "")
    here = place.of_stack(stack.project, Path(stack.folder or Path.cwd()))
    with installation.vault.change("binding.set", stack=stack.full_name, kind=kind) as change:
        bindings.fill(change.connection, stack.id, stack.full_name, key, here)
        binding = next(each for each in bindings.bound(change.connection, stack.id) if each.key == key)
        change.event = bindings.event(stack.full_name, binding)
    return binding


def unbind(installation: "Installation", stack: "Stack", provider: str | None, slot: str = "") -> Binding:
    """Take away a slot, or what a provider needs as its own; refused while resources are reached through it.

    An instance of a provider takes a slot's variables though nothing fills them; the provider's own binding
    that nothing serves is no resource's way. Without `provider` the slot's name says which. Raises
    UnknownKind, NotBound, SlotUnclear, StillUsed.
    """
    from engine.state import checkpoints

    kind = kinds.load(provider).name if provider else None
    with installation.vault.change("binding.unset", stack=stack.full_name) as change:
        known = bindings.bound(change.connection, stack.id)
        found = [each for each in known if each.slot == slot and kind in (None, each.provider)]
        if not found:
            raise NotBound(
                stack.full_name, " ".join([*(["for", kind] if kind else []), *(["as", slot] if slot else [])])
            )
        if len(found) > 1:
            raise SlotUnclear(stack.full_name, slot, found)
        binding = found[0]
        change.about(
            credential=binding.token,
            name=binding.credential,
            kind=binding.provider,
            detail={"as": slot} if slot else {},
        )
        resources = checkpoints.deployment(change.connection, stack.id).get("resources") or []
        serves = slot or binding.token is not None or binding.by_role
        if serves and (users := binding_use.users(resources, binding.provider, slot)):
            raise StillUsed(stack.full_name, binding, users)
        bindings.unbind(change.connection, stack.id, binding.key)
    return binding


def _again(stack: str, binding: Binding) -> str:
    return f"tic stack bind {stack} OTHER" + (f" --as {binding.slot}" if binding.slot else "")

"""Who sealed the secrets of a state that comes from elsewhere, and how they are opened, or why they are not.

Pulumi names the secrets provider in the state itself (`secrets_providers`): `passphrase` opens with the
passphrase, `service` is Pulumi Cloud or another service of that protocol (a tic, too), `cloud` is a key
service such as AWS KMS. What a state shows in plaintext needs nobody.
"""

import base64
import binascii
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from engine.errors import EngineError

if TYPE_CHECKING:
    from engine.state.sealing import Sealing
    from engine.state.untyped import Untyped

Unseal = Callable[[str], bytes]

CLOUD: Final = "https://api.pulumi.com"


class SealedByAnother(EngineError):
    """Only somebody else can open the secrets of the state; nothing was changed."""

    exit_code = 3

    def __init__(self, who: str, export: str, target: str) -> None:
        super().__init__(
            f"the secrets of this state are sealed by {who}, which alone can open them; nothing was changed",
            hint=f"have them opened on the way, where Pulumi is logged in to it: {export} --show-secrets"
            f" | tic stack import-state {target} -",
        )


@dataclass(frozen=True, slots=True)
class Own:
    """This vault, and the stacks (ids) for which it may have sealed the state: the likeliest first."""

    sealing: "Sealing"
    stacks: tuple[int, ...]


def unsealer(state: "Untyped", target: str, *, phrase: Callable[[], str], own: Own) -> Unseal:
    """What opens the sealed secrets of `state`, which is to become the stack `target`.

    `phrase` gives the passphrase, and is called only where one is needed. Raises SealedByAnother,
    WrongPassphrase, Unreadable, and what `phrase` raises.
    """
    from engine.state import passphrase
    from engine.state.stacks import ORG

    provider = state.deployment.get("secrets_providers") or {}
    kind, told = provider.get("type"), provider.get("state")
    told = told if isinstance(told, dict) else {}
    if kind == passphrase.TYPE:
        salt = told.get("salt")
        if not isinstance(salt, str):
            raise passphrase.unreadable("the state of the passphrase provider")
        return passphrase.Passphrase.of(phrase(), salt).unseal
    export = f"pulumi stack export --stack {_stack_of(state, told)}"
    if told.get("owner") == ORG:
        export = f"tic stack export-state {_stack_of(state, told).removeprefix(f'{ORG}/')}"
    if kind == "service" and (found := _by_this_vault(state, own)) is not None:
        return found
    raise SealedByAnother(_named(kind, told), export, target)


def _by_this_vault(state: "Untyped", own: Own) -> Unseal | None:
    """What opens the state if this vault has sealed it, for whichever of its stacks."""
    first = next(iter(state.ciphertexts()), None)
    for stack_id in own.stacks:
        unseal = _of_stack(own.sealing, stack_id)
        if first is None or _opens(unseal, first):
            return unseal
    return None


def _of_stack(sealing: "Sealing", stack_id: int) -> Unseal:
    from engine.state.sealing import context

    return lambda text: sealing.unseal(context(stack_id), base64.b64decode(text, validate=True))


def _opens(unseal: Unseal, ciphertext: str) -> bool:
    from credentials.refusals import DamagedSecret

    try:
        unseal(ciphertext)
    except (DamagedSecret, binascii.Error, ValueError):
        return False
    return True


def _stack_of(state: "Untyped", told: Mapping[str, Any]) -> str:
    """The stack's name where it came from, as far as the state tells."""
    parts = [told.get(key) for key in ("owner", "project", "stack")]
    if all(isinstance(part, str) and part for part in parts):
        return "/".join(str(part) for part in parts)
    owners: Iterable[tuple[str, str]] = sorted(state.owners())
    return next((name for _project, name in owners), "NAME")


def _named(kind: Any, told: Mapping[str, Any]) -> str:
    url = told.get("url")
    if kind == "service":
        if url in (None, "", CLOUD):
            return "Pulumi Cloud"
        return f"the service {url}" if isinstance(url, str) else "another service"
    if kind == "cloud" and isinstance(url, str) and "://" in url:
        return f"a key service ({url.partition('://')[0]})"
    return "a secrets provider that it does not name" if not kind else f"the secrets provider {kind!r}"

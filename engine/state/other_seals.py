"""States whose secrets another provider than the vault has sealed, as a stock CLI may bring them along.

Such a stack goes on under its own provider until `pulumi stack change-secrets-provider default`, or a run
whose configuration names no other. A journal speaks only of what it touches: were it written under another
provider than the state, the rest would keep its old seal under the new provider's name, and nobody could open
it. So nothing is journaled over a state of another provider, and no journal changes the provider of one.
Once the vault has sealed a state, no earlier version keeps what the other provider had sealed.
"""

from collections.abc import Iterable, Mapping
from itertools import takewhile
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import Connection, select, update

from engine.errors import EngineError
from engine.state import versions
from engine.state.replay import Kind
from engine.state.sealing import SealedElsewhere
from engine.state.tables import UPDATE

if TYPE_CHECKING:
    from engine.state.stacks import Stack

VAULT = "service"  # what Pulumi calls the provider that this service is


class SealsMixed(EngineError):
    """The run would seal a part of the state by another provider than the rest."""

    exit_code = 3

    def __init__(self, before: str, after: str) -> None:
        known = {VAULT: "tic's vault"}
        super().__init__(
            f"the secrets of this state are sealed by {known.get(before, before)}, and this run would "
            f"seal by {known.get(after, after)}; nothing was changed",
            hint="seal all of it first: pulumi stack change-secrets-provider "
            f"{'default' if after == VAULT else after}",
        )


def sealer(connection: Connection, stack_id: int) -> str | None:
    """Which other provider has sealed the secrets of the stack's newest version; None where none has."""
    found = next(versions.sealers(connection, stack_id), None)
    return None if found is None or found[1] == VAULT else found[1]


def refuse(connection: Connection, stack: "Stack") -> None:
    """Raise SealedElsewhere where the vault can't open the secrets of the stack's newest version."""
    if provider := sealer(connection, stack.id):
        raise SealedElsewhere(provider, stack.full_name)


def check(connection: Connection, stack_id: int, entries: Iterable[Mapping[str, Any]]) -> None:
    """Raise SealsMixed where journal entries name another provider than the state over which they are."""
    for entry in entries:
        if entry["kind"] == Kind.SECRETS_MANAGER:
            after = (entry.get("secretsProvider") or {}).get("type")
            _version, before = next(versions.sealers(connection, stack_id), (0, None))
            if after is not None and before is not None and after != before:
                raise SealsMixed(before, after)


def let_go(connection: Connection, stack_id: int) -> None:
    """Where the newest version is sealed by the vault, and some before it by another provider: keep it in
    place of those, and of the configurations in the history what others have not sealed.
    """
    found = versions.sealers(connection, stack_id)
    if next(found, (0, None))[1] != VAULT:
        return
    others = [version for version, by in takewhile(lambda each: each[1] not in (None, VAULT), found)]
    if not others:
        return
    state = versions.newest(connection, stack_id)
    for version in others:
        versions.save(connection, stack_id, version, state)
    query = select(UPDATE.c.id, UPDATE.c.config).where(UPDATE.c.stack_id == stack_id)
    for update_id, config in connection.execute(query).all():
        before: dict[str, Any] = orjson.loads(config)
        left = {key: value for key, value in before.items() if not _is_others(value)}
        if left != before:
            mine = UPDATE.c.id == update_id
            connection.execute(update(UPDATE).where(mine).values(config=orjson.dumps(left).decode()))


def _is_others(value: Any) -> bool:
    """Whether a value of a configuration (`apitype.ConfigValue`) has a ciphertext that is not the vault's:
    the other providers' begin with the version of their form.
    """
    return isinstance(value, dict) and bool(value.get("secret")) and "v1:" in str(value.get("string"))

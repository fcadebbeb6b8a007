"""What the plugin may see of the stack's state before the run: resources of a type, without secrets."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from engine.state.sealing import SECRET
from engine.state.urns import SIGNATURE
from stacks.broker import StateResource

if TYPE_CHECKING:
    from engine.database import Database


def resources_of_state(database: "Database", stack_id: int, resource_type: str) -> list[StateResource]:
    """The resources of a type in the stack's last checkpoint; those that only wait for deletion are told with
    what has taken their place.
    """
    from engine.certificates import kept
    from engine.state import versions

    with database.read() as connection:
        deployment = versions.newest(connection, stack_id).deployment
        asked = resource_type == kept.TYPE
        wanted = kept.wanted(connection, stack_id) if asked else {}
        revoked = kept.revoked(connection, stack_id) if asked else set()
    of_type = [each for each in deployment.get("resources") or () if each["type"] == resource_type]
    replaced: dict[str, list[Mapping[str, Any]]] = {}
    for each in of_type:
        if each.get("delete"):
            replaced.setdefault(each["urn"], []).append(without_secrets(each.get("outputs") or {}))
    return [
        StateResource(
            urn=each["urn"],
            name=each["urn"].rpartition("::")[2],
            inputs=without_secrets(each.get("inputs") or {}),
            outputs=without_secrets(each.get("outputs") or {}),
            wanted_epoch=wanted.get(each["urn"]),
            revoked=each["urn"] in revoked,
            replaced=tuple(replaced.get(each["urn"], ())),
        )
        for each in of_type
        if not each.get("delete")
    ]


def without_secrets(values: Mapping[str, Any]) -> dict[str, Any]:
    """A copy without the secrets, at whatever depth they stand."""
    return {name: _plain(value) for name, value in values.items() if not _is_secret(value)}


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return without_secrets(value)
    if isinstance(value, list):
        return [_plain(each) for each in value if not _is_secret(each)]
    return value


def _is_secret(value: Any) -> bool:
    return isinstance(value, dict) and value.get(SIGNATURE) == SECRET

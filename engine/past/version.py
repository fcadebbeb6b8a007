"""A version of a stack: the update that made it, and the state that it left."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.errors import EngineError
from engine.past.comparison import Side
from engine.past.settings import recorded
from engine.state.urns import ROOT_STACK, Renaming, parse

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from engine.past.opened import Unseal
    from engine.state.history import UpdateRecord
    from engine.state.stacks import Stack


class VersionUnknown(EngineError):
    """The stack has no such version."""

    exit_code = 4


@dataclass(frozen=True, slots=True)
class Version:
    """`deployment` is the state (`apitype.DeploymentV3`) under the stack's name of today, secrets sealed."""

    record: "UpdateRecord"
    deployment: Mapping[str, Any]

    @property
    def number(self) -> int:
        """Its place in the history, from 1 on."""
        return self.record.version

    def side(self, unseal: "Unseal") -> Side:
        """This version as one of two to compare."""
        return Side(self.deployment, recorded(self.record.config, unseal))


def version(connection: "Connection", stack: "Stack", number: int | None = None) -> Version:
    """Version `number` of the stack, or its newest, which is the state as of now. Raises VersionUnknown."""
    from engine.state import checkpoints, history, versions

    wanted = stack.version if number is None else number
    record = history.of_version(connection, stack.id, wanted)
    if record is None:
        raise _unknown(stack, number)
    if record.version == stack.version:
        deployment = checkpoints.deployment(connection, stack.id)
    else:
        deployment = versions.at(connection, stack.id, wanted).deployment
    return Version(record, _under_todays_name(stack, deployment))


def _under_todays_name(stack: "Stack", deployment: Mapping[str, Any]) -> Mapping[str, Any]:
    for resource in deployment.get("resources") or ():
        parts = parse(resource["urn"])
        if resource["type"] == ROOT_STACK and parts is not None:
            then, today = (parts.project, parts.stack), (stack.project, stack.name)
            return deployment if then == today else Renaming(then, today).deployment(deployment)
    return deployment


def _unknown(stack: "Stack", number: int | None) -> VersionUnknown:
    if not stack.version:
        return VersionUnknown(
            f"nothing ran on {stack.full_name} yet, so it has no version",
            hint=f"make the first: tic stack up {stack.full_name}",
        )
    return VersionUnknown(
        f"{stack.full_name} has no version {stack.version if number is None else number}; "
        f"its last is {stack.version}",
        hint=f"see which there are: tic stack history {stack.full_name}",
    )

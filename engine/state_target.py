"""Which stack a state that moves in becomes: named in the command, by its resources, or by the folder."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.errors import EngineError

if TYPE_CHECKING:
    from engine.state.untyped import Untyped


class ImportRefused(EngineError):
    """The state can't become the stack's as asked; nothing was changed."""

    exit_code = 3


@dataclass(frozen=True, slots=True)
class Target:
    """The stack that the state is to become; `renames`: its resources may get URNs of that stack.

    `replaces`: the resources that it has may be forgotten.
    """

    project: str
    name: str
    renames: bool = False
    replaces: bool = False

    @property
    def full_name(self) -> str:
        """As it is written to a person."""
        return f"{self.project}/{self.name}"


def target_of(state: "Untyped", reference: str, project: str | None, folder: str | None) -> Target:
    """The stack that `reference` (STACK or PROJECT/STACK) names, in the project that is given, or else that
    its resources belong to, or else that of the folder. Raises ImportRefused.
    """
    from engine.creation import NAME
    from engine.project import NAME as PROJECT_NAME

    before, _, name = reference.rpartition("/")
    if before and project and before != project:
        raise ImportRefused(
            f"two projects are named: {before} and {project}",
            hint=f"name one: tic stack import-state {project}/{name} FILE",
        )
    owners = sorted(state.owners())
    if len(owners) > 1:
        raise ImportRefused(
            f"the state has resources of {len(owners)} stacks: {_listed(owners)}",
            hint="export one stack at a time: pulumi stack export --stack NAME",
        )
    found = before or project or (owners[0][0] if owners else folder)
    if not found:
        raise ImportRefused(
            "the state has no resources, so it does not tell which project it belongs to",
            hint=f"name the project: tic stack import-state PROJECT/{name} FILE",
        )
    if not NAME.fullmatch(name) or not PROJECT_NAME.fullmatch(found):
        raise ImportRefused(
            f"{reference!r} names no stack",
            hint="use letters, digits, - _ and . for STACK, or PROJECT/STACK",
        )
    return Target(found, name)


def check_owner(state: "Untyped", target: Target) -> None:
    """Raise ImportRefused where the resources belong to another stack, and may not be renamed."""
    for project, name in state.owners():
        if (project, name) != (target.project, target.name) and not target.renames:
            raise ImportRefused(
                f"the resources of this state belong to {project}/{name}, not to {target.full_name}",
                hint=f"keep the name: tic stack import-state {project}/{name} FILE; or rename them: "
                f"tic stack import-state {target.full_name} FILE --rename",
            )


def _listed(owners: list[tuple[str, str]]) -> str:
    return ", ".join(f"{project}/{name}" for project, name in owners)

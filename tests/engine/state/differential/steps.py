"""What is done to a stack, step after step, as values: they print as Python that makes them again."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from tests.engine.state.differential.program import Program, Short

Doing = Literal["up", "preview", "refresh", "destroy"]
Cut = Literal["interrupt", "kill"]


@dataclass(frozen=True, repr=False)
class Run(Short):
    """An operation of the engine. `words` go onto the command line; resources are named by `**::NAME`.

    `cut`: interrupted or killed while a resource that waits is being made. `at_once`: side by side, so the
    order of resources in the state is not compared. `planned`: a preview writes a plan first, the update
    follows it.
    """

    doing: Doing
    program: Program
    words: tuple[str, ...] = ()
    cut: Cut | None = None
    at_once: bool = False
    planned: bool = False


@dataclass(frozen=True, repr=False)
class Drift(Short):
    """The world changes behind the engine's back: for each name the inputs that changed; none: it is gone."""

    changes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True, repr=False)
class Import(Short):
    """`pulumi import` of a thing that is there and in no state."""

    type: str
    name: str
    words: tuple[str, ...] = ()


@dataclass(frozen=True)
class Edit:
    """A command that changes the state alone: words after `pulumi`; `{NAME}` becomes the URN of that name."""

    words: tuple[str, ...]


@dataclass(frozen=True)
class Rename:
    """The stack's new name."""

    name: str


@dataclass(frozen=True)
class Reimport:
    """`pulumi stack export | pulumi stack import`, with secrets shown in between or not."""

    show_secrets: bool


Step = Run | Drift | Import | Edit | Rename | Reimport


@dataclass(frozen=True, repr=False)
class Case(Short):
    """A stack's life: the configuration (secret values under `secrets`) and what happens to it."""

    steps: tuple[Step, ...]
    config: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)

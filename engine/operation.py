"""What a run is asked to do, and what came of it, as values."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from engine import events

if TYPE_CHECKING:
    from engine.standings import Standing
    from engine.state.residue import Residue

Kind = Literal["up", "preview", "refresh", "destroy"]
QUIET = ("--non-interactive", "--color", "never")
APPLY = ("--yes", "--skip-preview")


@dataclass(frozen=True, slots=True)
class Operation:
    """What to do, with Pulumi's own options: targets are URNs, `dependents` adds what depends on them,
    `parallel` counts resources, `passed` names variables; with `preview_only` a refresh reads and keeps
    nothing.

    `registers` makes what is registered in place of what the project's program says (`engine.rollback`); it
    is asked once the stack's turn has come.
    """

    kind: Kind
    targets: Sequence[str] = ()
    replace: Sequence[str] = ()
    parallel: int | None = None
    message: str = ""
    passed: Sequence[str] = ()
    clear_pending_creates: bool = False
    preview_only: bool = False
    dependents: bool = False
    registers: Callable[[], str] | None = field(default=None, repr=False)

    @property
    def changes_nothing(self) -> bool:
        """Whether the operation leaves the state and the world as they are."""
        return self.kind == "preview" or self.preview_only

    @property
    def runs_program(self) -> bool:
        """Whether the project's program is run; the others work from the state alone."""
        return self.kind in ("up", "preview") and self.registers is None

    def arguments(self) -> list[str]:
        """The words for Pulumi's command line; never a secret."""
        words = [self.kind, *QUIET, *(() if self.changes_nothing else APPLY)]
        if self.preview_only:
            words.append("--preview-only")
        for target in self.targets:
            words += ["--target", target]
        if self.dependents:
            words.append("--target-dependents")
        for urn in self.replace:
            words += ["--replace", urn]
        if self.parallel is not None:
            words += ["--parallel", str(self.parallel)]
        if self.clear_pending_creates:
            words.append("--clear-pending-creates")
        if self.message and not self.changes_nothing:
            words += ["--message", self.message]
        return words


@dataclass(slots=True)
class Outcome:
    """What came of a run; `printed` is what Pulumi wrote outside its events, `caught` what was sealed at the
    door, `unanswered` the steps of plugins that died at them, as pending operations (apitype.OperationV2).
    `steps` has for each resource the step that says how it stands, `untried` the URNs of those that were not
    come to; `standings` is what that means where the run failed.
    """

    succeeded: bool = False
    interrupted: bool = False
    changes: Mapping[str, int] = field(default_factory=dict)
    seconds: int = 0
    errors: list[events.Diagnostic] = field(default_factory=list)
    printed: list[str] = field(default_factory=list)
    caught: "list[Residue]" = field(default_factory=list)
    unanswered: list[dict[str, Any]] = field(default_factory=list)
    steps: dict[str, events.Step] = field(default_factory=dict)
    untried: list[str] = field(default_factory=list)
    standings: "list[Standing]" = field(default_factory=list)

"""What a resource type must offer; the plugin calls these from a thread, with plain Python values.

Inputs arrive as `check` returned them. Every operation gives back outputs without the inputs: the plugin
puts both into the state, so that a later diff has the inputs to compare with.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from stacks.errors import StackError
from stacks.provider.properties import Change, Checked, Output, Property, changed, check
from stacks.provider.run import Operation
from stacks.provider.values import UNKNOWN

Values = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Created:
    """A new resource: its id and what it adds to its inputs."""

    id: str
    outputs: dict[str, Any]


class Unfinished(StackError):
    """A resource that is there, and not yet as it must be: what follows its making failed.

    The state gets it, with its `outputs`, as one that failed to initialize; the next run updates it, also
    where nothing else has changed.
    """

    def __init__(self, message: str, *, hint: str, id_: str, outputs: Mapping[str, Any]) -> None:
        super().__init__(message, hint=hint)
        self.id = id_
        self.outputs = dict(outputs)


class ResourceType(ABC):
    """One resource type: declarations for schema, check and diff, and the acts."""

    token: ClassVar[str]
    description: ClassVar[str]
    inputs: ClassVar[tuple[Property, ...]]
    outputs: ClassVar[tuple[Output, ...]]
    unsettled: ClassVar[tuple[str, ...]] = ()
    """Outputs that make the next run update it where they hold something, as what a refresh found changed."""

    def check(self, given: Values) -> Checked:
        """The inputs in their normal form, and everything that is wrong with them."""
        return check(self.inputs, given)

    def diff(
        self, operation: Operation, state: Values, inputs: Values, ignored: Iterable[str]
    ) -> dict[str, Change]:
        """What must happen because of which property; empty when nothing has to change."""
        changes = {each.name: each.change for each in changed(self.inputs, state, inputs, ignored)}
        return changes | {name: Change.UPDATE for name in self.unsettled if state.get(name)}

    def preview_create(self, inputs: Values) -> dict[str, Any]:
        """What is known of the outputs before the resource exists."""
        return {output.name: UNKNOWN for output in self.outputs}

    def preview_update(self, state: Values, inputs: Values) -> dict[str, Any]:
        """What is known of the outputs before an update; by default they stay."""
        return self.kept(state)

    def given(self, state: Values) -> dict[str, Any]:
        """The inputs that a state was made with."""
        return {each.name: state[each.name] for each in self.inputs if state.get(each.name) is not None}

    def kept(self, state: Values) -> dict[str, Any]:
        """The outputs as the state has them."""
        return {output.name: state.get(output.name) for output in self.outputs}

    @abstractmethod
    def create(self, operation: Operation, inputs: Values) -> Created:
        """Make it; raises Unfinished where it is there and something is still to be done."""

    def update(self, operation: Operation, state: Values, inputs: Values) -> dict[str, Any]:
        """Bring an existing one to new inputs; gives the outputs. May raise Unfinished, as `create`."""
        return self.kept(state)

    def read(self, operation: Operation, state: Values) -> dict[str, Any] | None:
        """The outputs as they are in the world now, or None where it is gone."""
        return self.kept(state)

    def delete(self, operation: Operation, state: Values) -> None:
        """Remove it; asking again is harmless. By default there is nothing to remove."""
        return

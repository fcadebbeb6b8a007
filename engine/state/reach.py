"""What a bearer of a token may see, make and change: all stacks, a project's, or one; to read them only."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reach:
    """The stacks by name: every one, those of `project`, or the one named `stack` in it, there or not yet."""

    project: str | None = None
    stack: str | None = None
    read_only: bool = False

    def covers(self, project: str, stack: str) -> bool:
        """Whether a stack of this name is within it."""
        return self.project in (None, project) and self.stack in (None, stack)

    @property
    def what(self) -> str:
        """As a person reads it: `every stack`, `stacks of shop`, `shop/dev`."""
        if self.project is None:
            return "every stack"
        return f"stacks of {self.project}" if self.stack is None else f"{self.project}/{self.stack}"


EVERYTHING = Reach()

"""Tells people how a run ended (`--notify`); what goes wrong with that never changes how it ended."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from engine import notify, place
from engine.errors import EngineError

if TYPE_CHECKING:
    from engine.installation import Installation
    from engine.operation import Operation, Outcome
    from engine.state.stacks import Stack


@contextmanager
def telling(
    installation: "Installation",
    references: Sequence[str],
    stack: "Stack",
    operation: "Operation",
    *,
    warn: Callable[[str], None],
) -> Iterator[Callable[["Outcome"], None]]:
    """Tell with each credential how the run in the block ended; it yields what is called with the outcome.

    A run that could not be started is told too. Raises what `notify.check` raises, before the block; what
    can't be told afterwards is one warning for each credential.
    """
    from credentials.errors import CredentialError
    from stacks.errors import StackError

    for reference in references:
        notify.check(installation, reference)

    def tell(title: str, text: str) -> None:
        if not references:
            return  # most runs: git need not be asked where this is
        here = place.of_stack(stack.project, Path(stack.folder) if stack.folder else None)
        for reference in references:
            try:
                notify.send(installation, reference, text, title=title, here=here, stack=stack.full_name)
            except (CredentialError, EngineError) as error:
                warn(f"{error} (next: {error.hint})")
            except Exception as error:  # the run has ended as it has, whatever fails here
                warn(f"the message was not sent with {reference!r} ({type(error).__name__})")

    try:
        yield lambda outcome: tell(*told(stack.full_name, operation.kind, outcome))
    except (CredentialError, EngineError, StackError):
        tell(
            f"{operation.kind} of {stack.full_name} was not run",
            f"why: tic stack {operation.kind} {stack.full_name}",
        )
        raise


def told(stack: str, kind: str, outcome: "Outcome") -> tuple[str, str]:
    """Title and text for how a run ended: counts and names, never what a program or a provider said."""
    how = "is done" if outcome.succeeded else "was interrupted" if outcome.interrupted else "failed"
    changes = ", ".join(f"{count} {name}" for name, count in sorted(outcome.changes.items()))
    if outcome.succeeded:
        return f"{kind} of {stack} {how}", f"{changes or 'nothing to do'} ({outcome.seconds} s)"
    errors = f"{len(outcome.errors)} error{'' if len(outcome.errors) == 1 else 's'}"
    parts = [*([changes] if changes else []), *([errors] if outcome.errors else [])]
    return (
        f"{kind} of {stack} {how}",
        f"{', '.join(parts) or 'nothing was changed'}; see: tic stack show {stack}",
    )

"""How long to wait between two looks at something that the CA works on (RFC 8555 7.5.1, 8.2)."""

from typing import TYPE_CHECKING

from stacks.errors import StackError
from stacks.moments import span
from stacks.provider.acme.patience import later
from stacks.provider.run import Operation

if TYPE_CHECKING:
    from stacks.provider.acme.authority import Conversation

FIRST_SECONDS, LONGEST_SECONDS = 0.1, 5.0


def pause(look: int, retry_after: float | None) -> float:
    """Seconds to wait after look number `look` (from 0): what the CA asks for, else 0.1 s, growing to 5 s."""
    if retry_after is not None:
        return max(retry_after, FIRST_SECONDS)
    return min(FIRST_SECONDS * 1.6**look, LONGEST_SECONDS)


def wait_to_look(
    operation: Operation, talk: "Conversation", url: str, look: int, retry_after: float | None, what: str
) -> None:
    """Wait for the next look at `url`, as long as the CA asks for.

    Where that is longer than the operation may take, raises StackError at once; nobody asks before its time.
    """
    seconds = pause(look, retry_after)
    if retry_after is not None and seconds >= operation.remaining:
        talk.put_off(url, seconds)
        raise StackError(
            f"the CA wants to be asked again in {span(seconds)} only, while waiting for {what}",
            hint=later(seconds),
        )
    operation.wait(seconds, what)

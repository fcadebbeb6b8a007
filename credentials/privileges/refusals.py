"""Which permission a cloud says is missing: read from its refusal, and from what it is called with."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

Doing = Literal["begin", "publish", "withdraw"]
"""What tic asks a DNS provider for; `begin` is what its client asks for before any record."""
DOINGS: Final[tuple[Doing, ...]] = ("begin", "publish", "withdraw")


@dataclass(frozen=True, slots=True)
class Refusal:
    """How a cloud says that a permission is missing.

    `says` finds it in the cloud's words; its group `action`, where it has one, names the permission. `means`
    are the permissions, where the words tell them without naming them. `unseen`: the cloud says only that
    there is nothing, as it also does where there is nothing.
    """

    says: re.Pattern[str]
    means: tuple[str, ...] = ()
    unseen: bool = False


@dataclass(frozen=True, slots=True)
class Missing:
    """One of `actions` is missing, in the cloud's own names; not `surely` where there may be nothing."""

    actions: tuple[str, ...]
    surely: bool = True


def missing(
    said: str, refusals: Sequence[Refusal], calls: Mapping[str, Sequence[str]], doing: Doing
) -> Missing | None:
    """What `said` means; None where it is no refusal of a permission.

    Where the cloud does not tell which, it is one of those that it is called with when `doing` this.
    """
    for refusal in refusals:
        if found := refusal.says.search(said):
            named = found.groupdict().get("action")
            actions = (named,) if named else refusal.means or tuple(calls.get(doing, ()))
            return Missing(actions, surely=not refusal.unseen)
    return None

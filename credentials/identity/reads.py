"""What a credential can't do, found out by reading: one call that changes nothing for each purpose."""

from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any, Final, TypeVar

from credentials.identity.errors import IdentityError

Refused = TypeVar("Refused", bound=Exception)


class Answer(Enum):
    """What a provider says to a read: done, not allowed, or nothing about permissions."""

    ALLOWED = "can"
    REFUSED = "can't"
    UNKNOWN = "does not tell"


Reads = Mapping[str, Callable[[], Answer]]
_ASIDE: Final = {Answer.ALLOWED: "can", Answer.UNKNOWN: "not known"}
LISTS: Final = ("can", "not known", "can't")  # labels of what is several things, with "; " between them


def trying(refused: type[Refused], denied: Callable[[Refused], bool]) -> Callable[..., Answer]:
    """A function that calls what it is given, with the rest of its arguments, and tells what came of it.

    `refused` is what a call raises that the provider did not allow, for whichever reason; `denied` says
    whether that is a want of permission.
    """

    def may(call: Callable[..., object], *what: Any, **more: Any) -> Answer:
        try:
            call(*what, **more)
        except refused as error:
            return Answer.REFUSED if denied(error) else Answer.UNKNOWN
        except IdentityError:
            return Answer.UNKNOWN
        return Answer.ALLOWED

    return may


def ask(reads: Reads) -> tuple[dict[str, str], tuple[str, ...]]:
    """Try every read, by its name in words, such as "apply: list zones (route53:ListHostedZones)".

    Returns what belongs to an identity's `detail`, and its `cannot`.
    """
    answers = {name: read() for name, read in reads.items()}
    detail = {
        label: "; ".join(found)
        for answer, label in _ASIDE.items()
        if (found := [name for name, one in answers.items() if one is answer])
    }
    return detail, tuple(name for name, one in answers.items() if one is Answer.REFUSED)

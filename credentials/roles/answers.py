"""What a provider's answer means for a role: why it can't be taken on, or its keys and until when they last.

For providers whose module of `credentials.identity` asks with the SDK, and says what a refusal means.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final

from credentials.identity.errors import (
    ClockSkew,
    IdentityError,
    Inconclusive,
    NotVerifiable,
    PackageMissing,
    Rejected,
    Unreachable,
    apart,
)
from credentials.roles.errors import NotAssumed, Reason
from credentials.roles.mending import not_assumed
from credentials.roles.role import Role
from credentials.secret import SecretBytes

STRANGE: Final = "an answer that is none of its API's"


@contextmanager
def asking(role: Role, console: str) -> Iterator[None]:
    """What an identity's client raises in this block is NotAssumed outside; PackageMissing stays."""
    try:
        yield
    except PackageMissing:
        raise
    except IdentityError as error:
        raise of_identity(role, error, console) from None


def of_identity(role: Role, error: IdentityError, console: str) -> NotAssumed:
    """What keeps an identity from being known keeps it from taking a role on."""
    match error:
        case ClockSkew():
            words = f"this machine's clock is {apart(error.skew)}" if error.skew is not None else ""
            return not_assumed(role, Reason.CLOCK_SKEW, console, told(error.code, error.request_id, words))
        case Rejected():
            return not_assumed(role, Reason.SOURCE_REJECTED, console, told(error.code, error.request_id))
        case NotVerifiable():
            return not_assumed(role, Reason.SOURCE_REJECTED, console, error.why)
        case Unreachable():
            return not_assumed(role, Reason.UNREACHABLE, console, error.why)
        case Inconclusive():
            return not_assumed(role, Reason.UNKNOWN, console, told(error.code, error.request_id))
    return not_assumed(role, Reason.UNKNOWN, console, type(error).__name__)


def told(code: str, request_id: str = "", words: str = "") -> str:
    """What the provider said: its code, its words through `words_of`, the request's id."""
    said = f"{code}: {words}" if words else code
    return f"{said}, request {request_id}" if request_id else said


def session_name(wanted: str, strange: str, longest: int) -> str:
    """A session's name as the provider takes it: what is `strange` there, a pattern, is a dash."""
    return re.sub(strange, "-", wanted, flags=re.ASCII)[:longest]


def keys(role: Role, console: str, answer: Any, names: Mapping[str, str]) -> dict[str, SecretBytes]:
    """The temporary keys in an answer, by field; `names` are theirs there. Raises NotAssumed."""
    values = {
        field: answer.get(name) if isinstance(answer, Mapping) else None for field, name in names.items()
    }
    if not all(isinstance(value, str) and value for value in values.values()):
        raise not_assumed(role, Reason.UNKNOWN, console, STRANGE)
    return {field: SecretBytes(str(value).encode()) for field, value in values.items()}


def region(role: Role, identity: Mapping[str, SecretBytes]) -> dict[str, SecretBytes]:
    """The session's region, as a field: the role's setting, else that of who takes it on."""
    if "region" in role.settings:
        return {"region": SecretBytes(role.settings["region"].encode())}
    return {"region": identity["region"]} if "region" in identity else {}


def ends(asked: float, seconds: int, *, since: object = None, until: object = None) -> float:
    """When a session ends, by this machine's clock; it was asked for `seconds`, at `asked` by the same clock.

    `since` and `until` are the provider's times (ISO 8601; one without a zone is UTC), where it tells them:
    both say how long it is whatever the two clocks say, the second alone can only make it shorter.
    """
    latest = asked + seconds
    begins, stops = _moment(since), _moment(until)
    if stops is None:
        return latest
    return min(latest, stops if begins is None else asked + stops - begins)


def _moment(text: object) -> float | None:
    try:
        when = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()

"""Asking a CA when it wants a certificate renewed (RFC 9773); no answer is an answer, and fails nothing."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from stacks.provider.acme.certificates import renewal_id
from stacks.provider.acme.epoch import Window
from stacks.provider.acme.problems import AuthorityError

if TYPE_CHECKING:
    from stacks.provider.acme.authority import Access, Authorities

# A question that is asked on the side does not hold up the run for longer.
ANSWER_SECONDS = 5.0
ASK_AGAIN_AFTER = timedelta(hours=6)
LONGEST_ASK_AGAIN = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class RenewalInfo:
    """The CA's window for one certificate, and when it may be asked again (aware, UTC)."""

    window: Window
    ask_again: datetime


def renewal_info_url(directory: Mapping[str, Any], certificate_pem: str) -> str | None:
    """Where the CA would tell (RFC 9773 4.1), or None where it offers no renewal information."""
    base, name = directory.get("renewalInfo"), renewal_id(certificate_pem)
    return f"{str(base).rstrip('/')}/{name}" if base and name else None


def ask(authorities: "Authorities", access: "Access", url: str, now: datetime) -> RenewalInfo | None:
    """The CA's window at `now`, or None where it does not answer, or not in a way that can be used."""
    try:
        answer = authorities.look(access, url, "ask the CA when to renew", seconds=ANSWER_SECONDS)
    except AuthorityError:
        return None
    suggested = answer.body.get("suggestedWindow")
    window = Window.read(suggested) if isinstance(suggested, dict) else None
    if window is None:
        return None
    wait = ASK_AGAIN_AFTER if answer.retry_after is None else timedelta(seconds=answer.retry_after)
    return RenewalInfo(window, now + min(wait, LONGEST_ASK_AGAIN))

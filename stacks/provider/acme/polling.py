"""How long to wait between two looks at something that the CA works on (RFC 8555 7.5.1, 8.2)."""

FIRST_SECONDS, LONGEST_SECONDS = 0.1, 5.0
# A CA may ask for any time; one that asks for hours is looked at again after this, within the
# operation's own limit.
LONGEST_ASKED_SECONDS = 120.0


def pause(look: int, retry_after: float | None) -> float:
    """Seconds to wait after look number `look` (from 0): what the CA asks for, else 0.1 s, growing to 5 s."""
    if retry_after is not None:
        return min(max(retry_after, FIRST_SECONDS), LONGEST_ASKED_SECONDS)
    return min(FIRST_SECONDS * 1.6**look, LONGEST_SECONDS)

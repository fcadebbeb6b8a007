"""Which CAs no longer make certificates that must be stapled (RFC 7633), so that nobody asks them in vain."""

from stacks.provider.acme.directories import DIRECTORIES

_LETSENCRYPT = (
    "Let's Encrypt has refused it since 2025-05-07, when it ended OCSP "
    "(https://letsencrypt.org/2024/12/05/ending-ocsp)"
)
REFUSED = {DIRECTORIES[each]: _LETSENCRYPT for each in ("letsencrypt", "letsencrypt-staging")}
"""By directory URL: who and since when."""


def why_not(directory_url: object) -> str | None:
    """Why this CA can't be asked for it; None where it is not known to refuse."""
    return REFUSED.get(directory_url) if isinstance(directory_url, str) else None

"""GitHub Actions gives a job a token of its issuer when it is asked for one, and writes no file.

https://docs.github.com/actions/reference/security/oidc: a job with the permission `id-token: write` has these
two variables, of which the second is a secret.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final
from urllib.parse import quote

from credentials.identity.errors import NotVerifiable, Unreachable
from credentials.identity.https import Server
from credentials.roles import oidc
from credentials.roles.errors import Reason, SourceFailed
from credentials.roles.oidc import IdToken

_URL, _TOKEN = "ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"
SECONDS: Final = 5.0


def is_here(environ: Mapping[str, str]) -> bool:
    """Whether this is a job that may ask."""
    return bool(environ.get(_URL) and environ.get(_TOKEN))


def token(environ: Mapping[str, str], audience: str, *, now: float) -> IdToken:
    """A new token for `audience`; raises SourceFailed."""
    bearer, url = environ.get(_TOKEN, ""), environ.get(_URL, "")
    if not bearer.isascii() or not bearer.isprintable():
        raise _failed(f"{_TOKEN} has characters that a request can't carry")
    joined = f"{url}{'&' if '?' in url else '?'}audience={quote(audience, safe='')}"
    try:
        answer = Server("github", SECONDS).ask(joined, {"Authorization": f"Bearer {bearer}"})
    except (NotVerifiable, Unreachable) as error:
        raise _failed(error.why) from None
    value = answer.json().get("value")
    if answer.status != HTTPStatus.OK or not isinstance(value, str):
        raise _failed(f"status {answer.status}, and no token")
    return oidc.parsed(value.encode(), now=now, where="GitHub's answer")


def _failed(why: str) -> SourceFailed:
    return SourceFailed(
        Reason.SOURCE_MISSING,
        f"GitHub gives this job no token: {why}",
        hint="give the job `permissions: id-token: write`, and run it again",
    )

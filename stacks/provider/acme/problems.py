"""What went wrong with a CA, as one finished sentence with the next step (RFC 8555 6.7, RFC 7807)."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from stacks.errors import StackError
from stacks.provider.acme.faults import fault

PREFIX = "urn:ietf:params:acme:error:"
AGAIN = "run `tic stack up` again; it makes a new order"
# By the problem's type, when the CA refuses a request.
HINTS = {
    "rateLimited": "wait as the CA says; meanwhile test against letsencrypt-staging",
    "rejectedIdentifier": "take the domain out of `domains`, or ask another CA",
    "externalAccountRequired": "make an acme-account credential and name it in `eabCredential`: "
    "tic creds new NAME --provider acme-account",
    "unauthorized": "if the CA deactivated the account, make another: tic stack refresh, then tic stack up",
    "userActionRequired": "do what the CA asks for at the URL that it names, then run `tic stack up` again",
    "accountDoesNotExist": "make the account anew: tic stack refresh, then tic stack up",
    "badCSR": "choose another `keyType`, leave `keepKey` out so that there is a new key, or make another "
    "request where `csrPem` is yours; then tic stack up",
    "invalidProfile": "choose one of the profiles that the CA's directory lists, or leave `profile` out",
    "invalidContact": "give contacts that the CA accepts in `email` and `contacts`, or none",
    "unsupportedContact": "give e-mail addresses in `email` and `contacts`: every CA takes those",
    "serverInternal": "run `tic stack up` again in a while; the CA itself has a problem",
}
# By the problem's type, when the CA looked at a domain and did not like what it found.
FINDINGS = {
    "caa": "allow this CA in the CAA record of the domain, then run `tic stack up` again",
    "dns": "check that the CA can reach the domain's name servers, then run `tic stack up` again",
    "dnssec": "repair DNSSEC of the domain, then run `tic stack up` again",
    "unauthorized": "check that the public name servers show what tic verified; then tic stack up",
}


class AuthorityError(StackError):
    """The CA refused something, can't be reached, or is not to be trusted.

    `code` is the ACME type of its problem without the prefix, `status` the HTTP status, `location` the
    URL that the answer names, `retry_after` the seconds that it asks to wait, where there are any.
    """

    def __init__(
        self, message: str, *, hint: str, code: str = "", status: int = 0, retry_after: float | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.retry_after = retry_after
        self.code = code
        self.status = status
        self.location = ""


def told(problem: Mapping[str, Any]) -> str:
    """A problem document in one line: type, detail, subproblems with their identifiers (RFC 8555 6.7.1)."""
    parts = [_one(problem)]
    for each in problem.get("subproblems") or ():
        if isinstance(each, Mapping):
            name = (each.get("identifier") or {}).get("value")
            parts.append(f"{name}: {_one(each)}" if name else _one(each))
    return "; ".join(parts)


def code_of(problem: Mapping[str, Any]) -> str:
    """The problem's type without the ACME prefix."""
    return str(problem.get("type") or "about:blank").removeprefix(PREFIX)


def hint_for(problem: Mapping[str, Any], *, finding: bool = False) -> str:
    """The next step after a problem; `finding`: the CA looked at a domain, and this is what it found."""
    hints = {**HINTS, **FINDINGS} if finding else {**FINDINGS, **HINTS}
    for each in (problem, *(problem.get("subproblems") or ())):
        if isinstance(each, Mapping) and code_of(each) in hints:
            return hints[code_of(each)]
    return AGAIN


@contextmanager
def explained(directory_url: str, doing: str) -> Iterator[None]:
    """Turn what HTTP and TLS raise while `doing` something with the CA into an AuthorityError."""
    import requests
    from urllib3.exceptions import HTTPError

    try:
        yield
    except (requests.exceptions.RequestException, HTTPError) as error:
        found = fault(error, directory_url)
        raise AuthorityError(
            f"could not {doing}: the CA at {directory_url} {found.words}", hint=found.hint
        ) from error


def not_acme(directory_url: str, doing: str, status: int) -> AuthorityError:
    """An answer that is not what RFC 8555 says, as of a proxy or of a web page."""
    return AuthorityError(
        f"could not {doing}: {directory_url} answered HTTP {status} with something that is not ACME",
        hint=f"check that `directoryUrl` ({directory_url}) is the URL of an ACME directory (RFC 8555 7.1.1)",
        status=status,
    )


def _one(problem: Mapping[str, Any]) -> str:
    detail = str(problem.get("detail") or problem.get("title") or "no detail given")
    return f"{code_of(problem)}: {detail}"

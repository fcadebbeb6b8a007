"""Talking to a CA: signed requests (RFC 8555 6.2) with nonces, time limits and a bounded number of
attempts.

Bodies are sent and read as the RFC's JSON objects. Connections, nonces and the directory are kept for
the life of the plugin and lent to one operation at a time.
"""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

import requests
from acme.jws import JWS
from josepy.b64 import b64decode
from requests.utils import parse_header_links

from stacks.errors import StackError
from stacks.provider.acme.keys import signer
from stacks.provider.acme.line import Line, problem_of, retry_after
from stacks.provider.acme.patience import BUSY, Patience, later, overloaded
from stacks.provider.acme.problems import AuthorityError, code_of, explained, hint_for, not_acme, told

if TYPE_CHECKING:
    from stacks.account_notes import KeyNote

# A CA that rejects every second nonce would still be served: 0.5 ** 20 is one failure in a million requests.
NONCE_ATTEMPTS = 20
# What CAs answer who have no account with a key, or one that was deactivated (RFC 8555 7.3.1, 7.3.6).
NO_ACCOUNT = {"accountDoesNotExist", "unauthorized"}


@dataclass(frozen=True, slots=True)
class Access:
    """Which CA, and as whom; without `account_uri` a request is signed with the key itself (newAccount)."""

    directory_url: str
    ca_certificates: str | None
    account_key_pem: str | None = field(default=None, repr=False)
    account_uri: str | None = None

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> "Access":
        """From a resource's inputs."""
        return cls(
            values["directoryUrl"],
            values.get("caCertificates"),
            values["accountKeyPem"],
            values["accountUri"],
        )


@dataclass(frozen=True, slots=True)
class Answer:
    """What the CA answered; `body` is empty where the answer is not a JSON object."""

    status: int
    body: Mapping[str, Any]
    text: str
    location: str
    retry_after: float | None
    alternates: tuple[str, ...]


class Conversation:
    """A talk with one CA as one account. Not for two threads at once."""

    def __init__(self, access: Access, line: Line, directory: Mapping[str, Any]) -> None:
        self.access = access
        self.directory = directory
        self._line = line
        try:
            self._signer = signer(access.account_key_pem) if access.account_key_pem is not None else None
        except ValueError as error:
            raise StackError(
                f"the account's key can't be used: {error}", hint="give the Account's `privateKeyPem`"
            ) from None

    def post(self, url: str, payload: Mapping[str, Any] | None, doing: str) -> Answer:
        """A signed POST; `payload` None is POST-as-GET (RFC 8555 6.3). Raises AuthorityError.

        A rejected nonce is no failure (6.5): the request is signed again, up to NONCE_ATTEMPTS times.
        """
        body = b"" if payload is None else json.dumps(payload).encode()
        with explained(self.access.directory_url, doing):
            for attempt in range(1, NONCE_ATTEMPTS + 1):
                nonce = self._line.nonce(self.directory["newNonce"])
                if nonce is None:
                    raise not_acme(self.access.directory_url, doing, 200)
                response = self._line.send("POST", url, data=self._signed(body, url, nonce), safe=not body)
                if response.ok:
                    break
                problem = problem_of(response)
                if problem is None:
                    raise _placed(_unclear(self.access.directory_url, doing, response), response)
                if code_of(problem) != "badNonce" or attempt == NONCE_ATTEMPTS:
                    raise _placed(self._refused(doing, problem, response), response)
        return _answer(response)

    def read(self, url: str, doing: str) -> Answer:
        """POST-as-GET (RFC 8555 6.3)."""
        return self.post(url, None, doing)

    def put_off(self, url: str, seconds: float) -> None:
        """The CA wants no request to this URL for so long: nobody sends one."""
        self._line.put_off(url, seconds)

    def account_of_key(self) -> str | None:
        """The URL of the account that has this very key at the CA (7.3.1), if one does.

        For a conversation that names no account.
        """
        doing = "find out which account has the key"
        try:
            answer = self.post(self.directory["newAccount"], {"onlyReturnExisting": True}, doing)
        except AuthorityError as error:
            if error.code in NO_ACCOUNT:
                return None
            raise
        return answer.location

    def _signed(self, body: bytes, url: str, nonce: str) -> bytes:
        """The JWS of a request (6.2): by the account's URL, or by the key where there is no account yet."""
        if self._signer is None:
            raise ValueError("a signed request needs the account's key")
        key, algorithm = self._signer
        who = {"kid": self.access.account_uri} if self.access.account_uri else {}
        signed = JWS.sign(body, key=key, alg=algorithm, nonce=b64decode(nonce), url=url, **who)
        return bytes(signed.json_dumps().encode())

    def _refused(self, doing: str, problem: Mapping[str, Any], response: requests.Response) -> AuthorityError:
        action = code_of(problem) == "userActionRequired"
        return AuthorityError(
            f"could not {doing}: the CA at {self.access.directory_url} says {told(problem)}",
            hint=_user_action(problem, response) if action else _hint(problem, response),
            code=code_of(problem),
            status=response.status_code,
        )


class Notes(Protocol):
    """What is kept of accounts beside the states."""

    def key(self, account_uri: str) -> "KeyNote | None":
        """The key that the account was last to get."""

    def show_terms(self, directory_url: str, terms: str) -> None:
        """The CA shows these terms (a URL)."""


class Authorities:
    """The CAs of this process: idle connections and directories, by directory URL and trusted roots.

    `notes` know of keys that accounts were to get in this stack: where the CA has such a key, it is used
    instead of the one that is given, which is that of a state from before.
    """

    def __init__(self, notes: "Notes | None" = None, patience: Patience | None = None) -> None:
        self._patience = patience or Patience()
        self._notes = notes
        self._taken: dict[str, bool] = {}
        self._lock = threading.Lock()
        self._idle: dict[tuple[str, str | None], list[Line]] = {}
        self._directories: dict[tuple[str, str | None], Mapping[str, Any]] = {}

    @contextmanager
    def talk(self, access: Access) -> Iterator[Conversation]:
        """A conversation for the length of one operation; asks for the directory the first time."""
        key = (access.directory_url, access.ca_certificates)
        with self._lock:
            idle = self._idle.setdefault(key, [])
            line = idle.pop() if idle else self._line(access)
        try:
            directory = self._directory(key, line)
            yield Conversation(self._as_the_ca_knows(access, line, directory), line, directory)
        except BaseException:
            line.close()  # what failed may have left a broken connection
            raise
        with self._lock:
            idle.append(line)

    def took(self, key_pem: str) -> None:
        """The CA has this key now: who comes with an older one of the account talks with it."""
        self._taken[key_pem] = True

    def look(self, access: Access, url: str, doing: str, *, seconds: float) -> Answer:
        """A plain GET within `seconds`, for what is public (renewal information, RFC 9773 4.1)."""
        with explained(access.directory_url, doing), closing(self._line(access)) as line:
            response = line.send("GET", url, timeout=seconds)
        if not response.ok:
            raise _unclear(access.directory_url, doing, response)
        return _answer(response)

    def _line(self, access: Access) -> Line:
        return Line(access.directory_url, access.ca_certificates, self._patience)

    def _as_the_ca_knows(self, access: Access, line: Line, directory: Mapping[str, Any]) -> Access:
        uri, given = access.account_uri, access.account_key_pem
        note = self._notes.key(uri) if self._notes is not None and uri and given else None
        if note is None or note.key_pem == given:
            return access
        for key in (note.key_pem, note.before_pem):
            noted = replace(access, account_key_pem=key)
            if key not in self._taken and key != given:
                alone = Conversation(replace(noted, account_uri=None), line, directory)
                self._taken[key] = alone.account_of_key() == uri
            if key == given or self._taken[key]:
                return noted
        return access

    def _directory(self, key: tuple[str, str | None], line: Line) -> Mapping[str, Any]:
        if (known := self._directories.get(key)) is not None:
            return known
        url = key[0]
        doing = "read the CA's directory"
        with explained(url, doing):
            response = line.send("GET", url, safe=True)
        if response.status_code in BUSY:
            raise _unclear(url, doing, response)
        directory = _answer(response).body
        if not response.ok or not {"newNonce", "newAccount", "newOrder"} <= directory.keys():
            raise not_acme(url, doing, response.status_code)
        self._directories[key] = directory
        self._patience.learn(url, directory)
        terms = (directory.get("meta") or {}).get("termsOfService")
        if self._notes is not None and isinstance(terms, str) and terms:
            self._notes.show_terms(url, terms)
        return directory


def _hint(problem: Mapping[str, Any], response: requests.Response) -> str:
    seconds = retry_after(response)
    limited = code_of(problem) == "rateLimited" and seconds is not None
    return later(seconds) if limited else hint_for(problem)


def _unclear(directory_url: str, doing: str, response: requests.Response) -> AuthorityError:
    """An answer without a problem document."""
    if response.status_code in BUSY:
        return overloaded(directory_url, doing, response.status_code, retry_after(response))
    return not_acme(directory_url, doing, response.status_code)


def _placed(error: AuthorityError, response: requests.Response) -> AuthorityError:
    """With what the answer's Location names, as the account that has a key already (7.3.5)."""
    error.location = response.headers.get("Location", "")
    error.retry_after = retry_after(response)
    return error


def _user_action(problem: Mapping[str, Any], response: requests.Response) -> str:
    """Where to go, and what to read there (RFC 8555 7.3.3: `instance`, and a link to the present terms)."""
    terms = _linked(response, "terms-of-service")
    where = problem.get("instance")
    steps = [f"read the CA's present terms: {terms[0]}"] if terms else []
    steps += [f"do what the CA asks for: {where}"] if isinstance(where, str) and where else []
    if not steps:
        steps = ["do what the CA asks for in its message or its mail to you"]
    return "; ".join([*steps, "then run `tic stack up` again"])


def _linked(response: requests.Response, relation: str) -> tuple[str, ...]:
    links = parse_header_links(response.headers.get("Link", ""))
    return tuple(link["url"] for link in links if link.get("rel") == relation)


def _answer(response: requests.Response) -> Answer:
    try:
        body = response.json()
    except ValueError:
        body = None
    return Answer(
        response.status_code,
        body if isinstance(body, dict) else {},
        response.text,
        response.headers.get("Location", ""),
        retry_after(response),
        _linked(response, "alternate"),
    )

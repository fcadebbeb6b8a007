"""Metadata services: what a cloud tells the machine or container that asks, on an address of their own.

Nobody but the cloud can be there, so it is plain HTTP; a proxy would be somebody else, so none is used, and
no redirect is followed. Answers hold the machine's temporary keys: they are kept from every text.
"""

import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlsplit

from credentials.identity.network import why
from credentials.roles.errors import Reason, SourceFailed

CONNECT_SECONDS: Final = 1.0
ANSWER_SECONDS: Final = 5.0
FINDING_SECONDS: Final = 1.0
LONGEST_ANSWER: Final = 1 << 16  # bytes
_CHUNK: Final = 1 << 12


@dataclass(frozen=True, slots=True)
class Answer:
    """What the service said, of whatever status; header names in lower case."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)

    def text(self) -> str:
        """The body as UTF-8; raises SourceFailed."""
        try:
            return self.body.decode()
        except UnicodeDecodeError:
            raise _strange("an answer that is no text") from None

    def json(self) -> dict[str, Any]:
        """The body as a JSON object; raises SourceFailed."""
        try:
            value = json.loads(self.body)
        except (ValueError, RecursionError):
            value = None
        if not isinstance(value, dict):
            raise _strange("an answer that is no JSON object")
        return value


@dataclass(frozen=True, slots=True)
class Metadata:
    """The service at `address` (`http://169.254.169.254`); `seconds` are for one answer, all of it."""

    address: str
    seconds: float = ANSWER_SECONDS

    def ask(
        self,
        path: str,
        headers: Mapping[str, str] | None = None,
        *,
        method: str = "GET",
        body: bytes | None = None,
    ) -> Answer:
        """Ask for `path` (with its query) and take any status; raises SourceFailed where nobody answers."""
        import urllib3
        from urllib3.exceptions import HTTPError

        until = time.monotonic() + self.seconds
        where = checked(self.address)
        limits = urllib3.Timeout(connect=min(CONNECT_SECONDS, self.seconds), read=self.seconds)
        try:
            with urllib3.PoolManager(timeout=limits, retries=False) as pool:
                got = pool.request(
                    method,
                    f"{where}{path}",
                    body=body,
                    headers={"User-Agent": "tic", "Accept-Encoding": "identity", **(headers or {})},
                    redirect=False,
                    preload_content=False,
                )
                try:
                    content = bytearray()
                    while chunk := got.read1(_CHUNK):
                        content += chunk
                        if len(content) > LONGEST_ANSWER:
                            raise _strange(f"an answer of more than {LONGEST_ANSWER >> 10} KiB")
                        if time.monotonic() > until:
                            raise TimeoutError
                finally:
                    got.close()
        except (HTTPError, OSError) as error:
            raise absent(f"{where}: {why(error, self.seconds)}") from None
        said = {name.lower(): value for name, value in got.headers.itermerged()}
        return Answer(got.status, said, bytes(content))

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> Answer:
        """Ask for `path`; raises SourceFailed unless the status is 200."""
        answer = self.ask(path, headers)
        if answer.status != HTTPStatus.OK:
            raise absent(f"{self.address}{path.partition('?')[0]}: status {answer.status}")
        return answer


def checked(address: str) -> str:
    """An address with no more than scheme, host and port; raises SourceFailed for another.

    It comes from a variable as often as not.
    """
    try:
        where = urlsplit(address.rstrip("/"))
        _ = where.port
    except ValueError:
        where = urlsplit("")
    plain = address.isascii() and address.isprintable() and " " not in address and "\\" not in address
    rest = where.path or where.query or where.fragment or where.username is not None
    if not plain or where.scheme not in ("http", "https") or not where.hostname or rest:
        raise absent("its address is no http://HOST or http://HOST:PORT")
    return f"{where.scheme}://{where.netloc}"


def is_there(probe: Callable[[], object], seconds: float = FINDING_SECONDS) -> bool:
    """Whether `probe` comes to an end without SourceFailed, and with something true, within so many seconds.

    It runs in a thread: looking a name up can take longer than anything that a socket is told.
    """
    answers: list[bool] = []

    def work() -> None:
        try:
            answers.append(bool(probe()))
        except SourceFailed:
            answers.append(False)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(seconds)
    return answers == [True]


def absent(why_not: str) -> SourceFailed:
    """No identity here."""
    return SourceFailed(
        Reason.SOURCE_MISSING,
        f"the metadata service gives none: {why_not}",
        hint="give the machine or container its role in the cloud's console, or name another source: "
        "tic role enable PROVIDER --source credential:NAME",
    )


def _strange(what: str) -> SourceFailed:
    return absent(f"it gives {what}")

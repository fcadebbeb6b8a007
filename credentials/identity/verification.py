"""Asks the providers of several credentials at once who they are, and has the audit log say what came out.

What is in a credential is opened right before its provider is asked, in the thread that asks.
"""

import queue
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final

from credentials import scopes
from credentials.audit import Event
from credentials.errors import CredentialError
from credentials.identity import (
    TIMEOUT,
    ClockSkew,
    Identity,
    Inconclusive,
    NotVerifiable,
    PackageMissing,
    Rejected,
    Unreachable,
    verifiable,
    verify,
)
from credentials.scopes import NOWHERE, OutOfScope, Place

if TYPE_CHECKING:
    from credentials.credential import Credential
    from credentials.vault import Vault

AT_ONCE: Final = 8
_ROUNDS: Final = 8  # the calls that one credential may take, each within the timeout


class Result(Enum):
    """What came out of asking, in words."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    CLOCK_OFF = "clock is off"
    INCONCLUSIVE = "no answer to it"
    UNREACHABLE = "unreachable"
    SDK_MISSING = "SDK is missing"
    NOBODY = "nobody to ask"
    OUT_OF_SCOPE = "out of scope"
    NOT_OPENED = "not opened"


# The first that fits: a clock that is off is a rejection, too.
_RESULTS: Final[tuple[tuple[type[CredentialError], Result], ...]] = (
    (ClockSkew, Result.CLOCK_OFF),
    (Rejected, Result.REJECTED),
    (Inconclusive, Result.INCONCLUSIVE),
    (Unreachable, Result.UNREACHABLE),
    (PackageMissing, Result.SDK_MISSING),
    (NotVerifiable, Result.NOBODY),
    (OutOfScope, Result.OUT_OF_SCOPE),
    (CredentialError, Result.NOT_OPENED),
)
_NO_FAULT: Final = (Result.NOBODY, Result.OUT_OF_SCOPE)  # of a credential among others


@dataclass(frozen=True, slots=True)
class Verification:
    """What came out of asking about one credential: an identity, or the problem, after so many `seconds`."""

    credential: "Credential"
    identity: Identity | None
    problem: CredentialError | None
    seconds: float = 0.0

    @property
    def result(self) -> Result:
        """It in short."""
        fitting = (result for kind, result in _RESULTS if isinstance(self.problem, kind))
        return next(fitting, Result.ACCEPTED)


def exit_code(verifications: Sequence[Verification]) -> int:
    """1 if one is rejected, else that of the first other problem; 0 if there is none.

    Among several, what nobody can be asked about, or not here, is no problem.
    """
    if any(isinstance(one.problem, Rejected) for one in verifications):
        return Rejected.exit_code
    harmless = _NO_FAULT if len(verifications) > 1 else ()
    left = (one.problem for one in verifications if one.problem and one.result not in harmless)
    return next((problem.exit_code for problem in left), 0)


def verify_each(
    vault: "Vault",
    credentials: Sequence["Credential"],
    *,
    place: Place = NOWHERE,
    timeout: float = TIMEOUT,
    at_once: int = AT_ONCE,
) -> Iterator[Verification]:
    """Ask about each credential, and yield as the answers come; `timeout` (s) is for each answer.

    What is out of scope here, or what nobody can be asked about, is not opened. A provider that keeps on
    answering too slowly counts as unreachable; whatever its thread still does ends with the process.
    """
    waiting = []
    for credential in credentials:
        if not verifiable(credential.kind):
            yield Verification(credential, None, NotVerifiable(credential.kind))
        elif not scopes.admits(credential.scope, place):
            yield Verification(credential, None, OutOfScope(credential.name, credential.scope, place))
        else:
            waiting.append(credential)
    yield from _noted(vault, _answers(vault, waiting, place, timeout, at_once))


def verify_one(
    vault: "Vault", credential: "Credential", *, place: Place = NOWHERE, timeout: float = TIMEOUT
) -> Verification:
    """Ask about one credential; where it is out of scope, the attempt is refused and audited (SPEC B7)."""
    if not verifiable(credential.kind):
        return Verification(credential, None, NotVerifiable(credential.kind))
    (verification,) = _noted(vault, _answers(vault, [credential], place, timeout, 1))
    return verification


def _noted(vault: "Vault", verifications: Iterator[Verification]) -> Iterator[Verification]:
    for verification in verifications:
        if not isinstance(verification.problem, OutOfScope):  # the vault has noted that
            vault.note(_event(verification))
        yield verification


def _answers(
    vault: "Vault", credentials: Sequence["Credential"], place: Place, timeout: float, at_once: int
) -> Iterator[Verification]:
    todo: queue.SimpleQueue[Credential] = queue.SimpleQueue()
    done: queue.SimpleQueue[Verification | BaseException] = queue.SimpleQueue()
    for credential in credentials:
        todo.put(credential)
    threads = min(at_once, len(credentials))
    for _ in range(threads):
        threading.Thread(target=_work, args=(vault, todo, done, place, timeout), daemon=True).start()
    missing = {credential.id: credential for credential in credentials}
    limit = timeout * _ROUNDS * -(-len(credentials) // max(threads, 1))
    deadline = time.monotonic() + limit
    while missing:
        try:
            one = done.get(timeout=max(deadline - time.monotonic(), 0.0))
        except queue.Empty:
            break
        if isinstance(one, BaseException):
            raise one
        del missing[one.credential.id]
        yield one
    for credential in missing.values():
        late = Unreachable(credential.kind, f"no answer within {limit:g} s")
        yield Verification(credential, None, late, limit)


def _work(
    vault: "Vault",
    todo: "queue.SimpleQueue[Credential]",
    done: "queue.SimpleQueue[Verification | BaseException]",
    place: Place,
    timeout: float,
) -> None:
    while True:
        try:
            credential = todo.get_nowait()
        except queue.Empty:
            return
        begun = time.monotonic()
        try:
            opened = vault.opened(credential.token, purpose="verify", place=place)
            identity = verify(credential.kind, opened.fields, timeout=timeout)
            done.put(Verification(credential, identity, None, time.monotonic() - begun))
        except CredentialError as problem:
            done.put(Verification(credential, None, problem, time.monotonic() - begun))
        except BaseException as fault:  # the main thread raises it where a person sees it
            done.put(fault)
            return


def _event(verification: Verification) -> Event:
    credential, identity, problem = verification.credential, verification.identity, verification.problem
    detail = {}
    if identity is not None:
        detail = {"account": identity.account, "principal": identity.principal}
    elif isinstance(problem, Rejected):
        detail = {"code": problem.code, "request": problem.request_id}
    elif problem is not None:
        detail = {"problem": type(problem).__name__}
    return Event(
        "credential.verify",
        "done" if problem is None else "refused" if isinstance(problem, Rejected) else "failed",
        credential=credential.token,
        name=credential.name,
        kind=credential.kind,
        detail=detail,
    )

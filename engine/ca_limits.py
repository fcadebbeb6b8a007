"""A run's word with the ledger of rate limits: what its plugin may order, and what came of it."""

import time
from collections.abc import Callable
from dataclasses import replace
from math import isinf
from typing import TYPE_CHECKING

import orjson

from stacks.allowances import Allowance, Claim, Event
from stacks.messages import RequestMalformed

if TYPE_CHECKING:
    from engine.certificates.limits.ledger import Held, Request
    from engine.database import Database


class CaLimits:
    """The ledger as one stack's run sees it. `clock` gives seconds since the epoch."""

    def __init__(
        self, database: "Database", stack_id: int, stack: str, clock: Callable[[], float] = time.time
    ) -> None:
        self._database = database
        self._stack_id = stack_id
        self._stack = stack
        self._clock = clock
        self._swept: set[str] = set()

    def claim(self, wanted: Claim) -> Allowance:
        """Count it, or say what holds it back."""
        from engine.certificates.limits import kept

        renewal = self._is_renewal(wanted)
        with self._database.write() as connection:
            now = self._clock()
            if wanted.directory_url not in self._swept:
                self._swept.add(wanted.directory_url)
                kept.sweep(connection, wanted.directory_url, now)
            if wanted.account_uri is None:
                held = kept.claim_account(connection, wanted.directory_url, now)
                return Allowance("account") if held is None else _refusal(held, now)
            answer = kept.claim(connection, self._stack, replace(_request(wanted), renewal=renewal), now)
        return Allowance(answer) if isinstance(answer, str) else _refusal(answer, now)

    def look(self, wanted: Claim) -> Allowance:
        """What `claim` would answer to an order; counts nothing."""
        from engine.certificates.limits import kept, ledger

        renewal = self._is_renewal(wanted)
        with self._database.read() as connection:
            now = self._clock()
            used = kept.ledger(connection, now)
        held = ledger.earliest(used, replace(_request(wanted), renewal=renewal), now)
        return Allowance("possible") if held is None else _refusal(held, now)

    def hear(self, event: Event) -> None:
        """Note what came of something. Raises RequestMalformed where the event lacks what it is about."""
        from engine.certificates.limits import kept
        from engine.certificates.limits.limit import limits

        if event.event not in {"wait", "refused"} and not limits(event.directory_url):
            return  # nothing of it counts
        with self._database.write() as connection:
            now = self._clock()
            until = None if event.seconds is None else now + event.seconds
            match event.event:
                case "placed":
                    kept.placed(connection, _of(event.claim), _of(event.order_url), until, now)
                case "issued":
                    kept.issued(connection, _of(event.order_url), now)
                case "given-up":
                    kept.given_up(connection, _of(event.order_url), now)
                case "valid" | "invalid":
                    account, identifier = _of(event.account_uri), _of(event.identifier)
                    valid = event.event == "valid"
                    kept.validated(connection, event.directory_url, account, identifier, now, valid=valid)
                case "wait":
                    if until is not None:
                        endpoint = _of(event.endpoint)
                        kept.asked_to_wait(connection, event.directory_url, endpoint, until, now)
                case "refused":
                    if event.asked is None or event.asked.account_uri is None:
                        raise RequestMalformed("asked must be what was claimed")
                    asked = _request(event.asked)
                    kept.refused(connection, _of(event.claim), asked, until, event.detail, now)

    def _is_renewal(self, wanted: Claim) -> bool:
        """Whether the stack has a certificate of this CA for exactly these names."""
        from sqlalchemy import select

        from engine.certificates.limits.limit import limits
        from engine.state.tables import CERTIFICATE

        if wanted.account_uri is None or not limits(wanted.directory_url):
            return False
        of = (CERTIFICATE.c.stack_id == self._stack_id) & CERTIFICATE.c.facts.contains(
            wanted.names[0], autoescape=True
        )
        query = select(CERTIFICATE.c.facts).where(of)
        with self._database.read() as connection:
            held = [orjson.loads(row.facts) for row in connection.execute(query)]
        return any(
            one["directory"] == wanted.directory_url and set(one["names"]) == set(wanted.names)
            for one in held
        )

    def waits(self, directory_url: str) -> dict[str, float]:
        """How many seconds which endpoints of the CA want no request."""
        from engine.certificates.limits import kept

        with self._database.read() as connection:
            now = self._clock()
            found = kept.waits(connection, directory_url, now)
        return {endpoint: until - now for endpoint, until in found.items()}


def _request(wanted: Claim) -> "Request":
    from engine.certificates.limits.ledger import Request

    return Request(wanted.directory_url, wanted.account_uri or "", wanted.names, replaces=wanted.replaces)


def _refusal(held: "Held", now: float) -> Allowance:
    from engine.certificates.limits.telling import possible, told

    seconds = None if isinf(held.moment) else held.moment - now
    again = "then" if seconds is not None else "in a while"
    hint = f"try again {again}; what is used, and where to say that you may use more: tic cert limits"
    return Allowance(None, seconds, f"{told(held, now)}; {possible(held, now)}", hint)


def _of(value: str | None) -> str:
    if value is None:
        raise RequestMalformed("the event does not say what it is about")
    return value

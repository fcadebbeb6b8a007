"""Lets in whoever shows a token that is kept, as the database has it at that moment."""

import threading
import time
from collections.abc import Callable

from engine.database import Database
from engine.errors import EngineError
from engine.state import access_tokens, owner
from engine.state.access_tokens import AccessToken
from engine.state.sealing import Sealing
from engine.state.service import Access, Admitted, token_hash
from engine.state.sieve import Sieve


class TokenExpired(EngineError):
    """The token was good until its time was over."""

    exit_code = 3

    def __init__(self, token: AccessToken) -> None:
        expired = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(token.expires_at))
        super().__init__(
            f"the access token {token.name!r} expired on {expired}",
            hint="ask whoever runs the service for another: tic token new NAME",
        )


class KeptTokens:
    """The kept tokens of one database; for many threads.

    Each call asks the database, so a token that is revoked is refused by every process from then on. When
    tokens were used is remembered here until `note_uses`: no call waits to write it.
    """

    def __init__(self, database: Database, sealing: Sealing, now: Callable[[], float] = time.time) -> None:
        self._database = database
        self._sealing = sealing
        self._now = now
        self._nothing = Sieve()
        self._somebody = owner.client("")
        self._uses: dict[int, float] = {}
        self._noting = threading.Lock()

    def admitted(self, token: str) -> Admitted | None:
        """The access that goes with a token; raises TokenExpired."""
        if not access_tokens.may_be_one(token):
            return None
        with self._database.read() as connection:
            found = access_tokens.shown(connection, self._sealing, token_hash(token))
        return self._let_in(found)

    def holder(self, update_id: str, lease: bytes) -> Admitted | None:
        """The access with which the update of this lease (a SHA-256) was started; raises TokenExpired."""
        with self._database.read() as connection:
            found = access_tokens.of_update(connection, self._sealing, update_id, lease)
        return self._let_in(found)

    def note_uses(self) -> None:
        """Write when tokens were used since the last time; raises DatabaseUnusable, and forgets nothing."""
        with self._noting:
            uses = dict(self._uses)
            if not uses:
                return
            with self._database.write() as connection:
                access_tokens.note_uses(connection, uses)
            for token_id, moment in uses.items():
                if self._uses[token_id] == moment:
                    del self._uses[token_id]

    def _let_in(self, token: AccessToken | None) -> Admitted | None:
        if token is None:
            return None
        now = self._now()
        if token.has_expired(now):
            raise TokenExpired(token)
        self._uses[token.id] = now
        access = Access(
            token.name, reach=token.reach, kept=token.id, sieve=self._nothing, owner=self._somebody
        )
        return Admitted(access)

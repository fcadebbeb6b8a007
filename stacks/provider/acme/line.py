"""The way to a CA: kept connections, nonces (RFC 8555 7.2), time limits, the roots that are trusted."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3 import PoolManager
from urllib3.util.ssl_ import create_urllib3_context

from stacks.provider.acme.patience import BUSY, PATIENCE_SECONDS, Patience, seconds_until
from stacks.provider.acme.problems import code_of

USER_AGENT = "tic-engine (ACME, RFC 8555)"
CONNECT_SECONDS, ANSWER_SECONDS = 10, 45
_NOT_AGAIN = (requests.exceptions.SSLError, requests.exceptions.ConnectTimeout)


class Line:
    """Connections to one CA and the nonces that it handed out."""

    def __init__(self, directory_url: str, ca_certificates: str | None, patience: Patience) -> None:
        self._ca, self._patience = directory_url, patience
        self._nonces: list[str] = []
        self._session = requests.Session()
        self._session.headers["User-Agent"] = USER_AGENT
        if ca_certificates is not None:
            self._session.mount("https://", _OwnRoots(ca_certificates))

    def close(self) -> None:
        """End the connections."""
        self._session.close()

    def nonce(self, new_nonce: str) -> str | None:
        """A nonce that was not used yet (RFC 8555 7.2); None where the CA gives none."""
        if not self._nonces:
            self.send("HEAD", new_nonce, safe=True)
        return self._nonces.pop() if self._nonces else None

    def put_off(self, url: str, seconds: float) -> None:
        """No request goes there for so long."""
        self._patience.heard(self._ca, url, seconds, of_a_limit=False)

    def send(
        self,
        method: str,
        url: str,
        *,
        data: bytes | None = None,
        timeout: float | None = None,
        safe: bool = False,
    ) -> requests.Response:
        """One request; keeps the nonce of the answer, which errors have as well.

        A `safe` one changes nothing at the CA, and is sent again when a kept connection turns out to be
        closed. Not sent before the time that the CA asked to wait; what it asks for now is noted, and the
        request sent again where that is short.
        """
        waited = 0.0 if timeout is None else PATIENCE_SECONDS
        while True:
            waited += self._patience.before(self._ca, url, waited)
            response = self._sent(method, url, data, timeout, safe=safe)
            seconds = retry_after(response)
            if response.status_code not in BUSY or seconds is None:
                return response
            limited = code_of(problem_of(response) or {}) == "rateLimited"
            closed = self._patience.heard(self._ca, url, seconds, of_a_limit=limited)
            if not closed or waited + seconds > PATIENCE_SECONDS:
                return response

    def _sent(
        self, method: str, url: str, data: bytes | None, timeout: float | None, *, safe: bool
    ) -> requests.Response:
        for attempt in (1, 2):
            try:
                response = self._session.request(
                    method,
                    url,
                    data=data,
                    headers={"Content-Type": "application/jose+json"} if data is not None else {},
                    timeout=timeout or (CONNECT_SECONDS, ANSWER_SECONDS),
                )
                break
            except requests.exceptions.ConnectionError as error:
                if not safe or attempt > 1 or isinstance(error, _NOT_AGAIN):
                    raise
        response.encoding = "utf-8"
        if nonce := response.headers.get("Replay-Nonce"):
            self._nonces.append(nonce)
        return response


class _OwnRoots(HTTPAdapter):
    """Trusts the given roots and no others, whatever the environment says; needs no file of them."""

    def __init__(self, ca_certificates: str) -> None:
        self._context = create_urllib3_context()
        self._context.load_verify_locations(cadata=ca_certificates)
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs, ssl_context=self._context)

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> PoolManager:
        manager: PoolManager = super().proxy_manager_for(*args, **kwargs, ssl_context=self._context)
        return manager

    def send(self, request: Any, *args: Any, **kwargs: Any) -> requests.Response:
        return super().send(request, *args, **{**kwargs, "verify": True})

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:
        conn.cert_reqs = "CERT_REQUIRED"


def problem_of(response: requests.Response) -> Mapping[str, Any] | None:
    """The problem document of an answer (RFC 7807), if it is one."""
    try:
        body = response.json()
    except ValueError:
        return None
    return body if isinstance(body, dict) and isinstance(body.get("type"), str) else None


def retry_after(response: requests.Response) -> float | None:
    """The seconds that an answer asks to wait (RFC 9110 10.2.3), if it does."""
    return seconds_until(response.headers.get("Retry-After"), datetime.now(UTC))

"""Asking a CA, over HTTP, whether it has revoked a certificate: its responder first, then its list."""

import threading
import time
import urllib.parse
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from stacks.revocation import lists, responses
from stacks.revocation.verdict import Revoked, Said, Unclear

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

SECONDS = 10.0
LARGEST = 32 * 1024 * 1024  # bytes; lists of large CAs have some ten
SILENT_AFTER = 3  # answers in a row that did not come; then a host is not asked for each of a thousand


class Asking:
    """One round of questions; a list is fetched once for all certificates that are to be on it.

    Usable by several threads. What is fetched is believed by its signature alone, so plain HTTP does.
    """

    def __init__(self, seconds: float = SECONDS) -> None:
        self._seconds = seconds
        self._lists: dict[str, bytes] = {}
        self._silent = Counter[str]()
        self._one_at_a_time: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()

    def ask(self, certificate_pem: str, chain_pem: str, now: datetime) -> Said:
        """What the CA says of the certificate at `now`; asks until one answer can be believed."""
        from cryptography import x509

        certificate = x509.load_pem_x509_certificate(certificate_pem.encode())
        ways = [
            *((each, partial(self._response, each)) for each in responses.places(certificate)),
            *((each, partial(self._list, each)) for each in lists.places(certificate)),
        ]
        if not ways:
            return Said()
        if not chain_pem.strip():
            return Said(problems=("the certificate has no chain, so nobody's answer could be believed",))
        issuer = x509.load_pem_x509_certificates(chain_pem.encode())[0]
        problems = []
        for url, way in ways:
            try:
                return Said(way(certificate, issuer, now))
            except Unclear as error:
                problems.append(f"{url}: {error}")
        return Said(problems=tuple(problems))

    def _response(
        self, url: str, certificate: "Certificate", issuer: "Certificate", now: datetime
    ) -> Revoked | None:
        from cryptography.hazmat.primitives.serialization import Encoding

        asked = responses.question(certificate, issuer).public_bytes(Encoding.DER)
        return responses.read(self._fetched(url, asked), certificate, issuer, now)

    def _list(
        self, url: str, certificate: "Certificate", issuer: "Certificate", now: datetime
    ) -> Revoked | None:
        with self._lock:
            turn = self._one_at_a_time.setdefault(url, threading.Lock())
        with turn:
            found = self._lists.get(url)
            if found is None:
                found = self._lists[url] = self._fetched(url)
        return lists.read(found, certificate, issuer, url, now)

    def _fetched(self, url: str, posted: bytes | None = None) -> bytes:
        host = urllib.parse.urlsplit(url).netloc
        with self._lock:
            if self._silent[host] >= SILENT_AFTER:
                raise Unclear("it has not answered before")
        try:
            found = _fetch(url, posted, self._seconds)
        except Unclear:
            with self._lock:
                self._silent[host] += 1
            raise
        with self._lock:
            self._silent[host] = 0
        return found


def _fetch(url: str, posted: bytes | None, seconds: float) -> bytes:
    """The body of what is there, whole and in time; nothing else is followed. Raises Unclear."""
    import requests

    ends = time.monotonic() + seconds
    kind = {"Content-Type": "application/ocsp-request"} if posted is not None else {}
    try:
        with requests.request(
            "GET" if posted is None else "POST",
            url,
            data=posted,
            headers=kind,
            timeout=seconds,
            stream=True,
            allow_redirects=False,
        ) as response:
            if response.status_code != 200:
                raise Unclear(f"it answered HTTP {response.status_code}")
            return b"".join(_bounded(response.iter_content(65536), lambda: time.monotonic() < ends))
    except requests.exceptions.Timeout:
        raise Unclear("it did not answer in time") from None
    except requests.exceptions.RequestException as error:
        raise Unclear("it can't be reached") from error


def _bounded(parts: Iterator[bytes], in_time: Callable[[], bool]) -> Iterator[bytes]:
    read = 0
    for part in parts:
        read += len(part)
        if read > LARGEST:
            raise Unclear(f"it says more than {LARGEST // 1024 // 1024} MiB")
        if not in_time():
            raise Unclear("it did not answer in time")
        yield part

"""The certificate that a service shows: looked at before it is used, and again whenever its files change.

What is wrong with a certificate or its key is found here, with the next step, and not by the first caller.
"""

import os
import shlex
import ssl
import stat
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from engine.errors import EngineError

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

HOW: Final = "tic serve --tls-cert FILE --tls-key FILE"
_OTHERS: Final = stat.S_IRWXO | stat.S_IWGRP
_SOON_SECONDS: Final = 7 * 86400.0


class CertificateUnusable(EngineError):
    """The certificate or its key can't be served with."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class CertificateFiles:
    """PEM files: the certificate with those that its CA adds to it, and its private key."""

    certificate: Path
    key: Path


@dataclass(frozen=True, slots=True)
class Shown:
    """A certificate that can be served with; times in seconds since the epoch (UTC)."""

    context: ssl.SSLContext = field(repr=False)
    names: tuple[str, ...]
    expires_at: float

    def __str__(self) -> str:
        until = datetime.fromtimestamp(self.expires_at, UTC).strftime("%Y-%m-%d %H:%M UTC")
        return f"for {', '.join(self.names)}, until {until}"

    def is_for(self, host: str) -> bool:
        """Whether callers that name this host accept it (RFC 9525, 6.3: one label for the asterisk)."""
        label, _, rest = host.lower().partition(".")
        return any(
            name.lower() in (host.lower(), f"*.{rest}" if label and rest else None) for name in self.names
        )


def shown(files: CertificateFiles, now: float) -> Shown:
    """The certificate in these files, if it can be served with at `now`; raises CertificateUnusable."""
    from cryptography.hazmat.primitives.serialization import load_pem_private_key
    from cryptography.x509 import load_pem_x509_certificates

    content, secret = _read("certificate", files.certificate), _read("key", files.key)
    try:
        leaf, *_others = load_pem_x509_certificates(content)
    except ValueError:
        raise CertificateUnusable(
            f"{files.certificate} holds no certificate in PEM", hint=f"name the right file: {HOW}"
        ) from None
    _check_private(files.key)
    try:
        key = load_pem_private_key(secret, None)
    except TypeError:
        raise CertificateUnusable(
            f"the key {files.key} is locked with a passphrase",
            hint=f"write it without: openssl pkey -in {files.key} -out FILE; and close it: chmod 600 FILE",
        ) from None
    except ValueError:
        raise CertificateUnusable(
            f"{files.key} holds no private key in PEM", hint=f"name the right file: {HOW}"
        ) from None
    if key.public_key() != leaf.public_key():
        raise CertificateUnusable(
            f"the key {files.key} is not that of the first certificate in {files.certificate}",
            hint="name the two that belong together; the certificate of the service comes first in its file",
        )
    expires_at = _check_time(leaf, files, now)
    return Shown(_context(files), _names(leaf, files), expires_at)


class Renewing:
    """The certificate in the files as it is now, for a server that goes on while the files are replaced.

    Connections that are there keep what they were begun with.
    """

    def __init__(self, files: CertificateFiles, now: float) -> None:
        """Raises CertificateUnusable."""
        self._files = files
        self._seen = self._tried = _state(files)
        self._warned: set[str] = set()
        self.shown = shown(files, now)
        self.context = _fresh()
        # A live context must not be loaded with what may not fit together: OpenSSL takes the certificate
        # first, and drops the key that it had. So each connection gets the last one that was whole.
        self.context.sni_callback = self._choose

    def look(self, now: float, tell: Callable[[str], None], *, at_once: bool = False) -> None:
        """Take what has changed in the files; what becomes of it is told.

        Two files are not replaced in one step, so they have to be the same at two looks, unless `at_once`.
        """
        state = _state(self._files)
        settled = at_once or state == self._seen
        self._seen = state
        if settled and (at_once or state != self._tried):
            self._tried = state
            try:
                self.shown = shown(self._files, now)
            except CertificateUnusable as error:
                tell(f"the certificate from before is kept: {error}\n  next: {error.hint}")
            else:
                self._warned.clear()
                tell(f"the certificate was read anew: {self.shown}")
        left = self.shown.expires_at - now
        if left <= 0:
            self._warn("the certificate has expired, and callers refuse it", tell)
        elif left < _SOON_SECONDS:
            self._warn(f"the certificate expires soon ({self.shown})", tell)

    def _warn(self, what: str, tell: Callable[[str], None]) -> None:
        if what not in self._warned:
            self._warned.add(what)
            tell(f"{what}\n  next: renew {self._files.certificate}; it is read when it changes")

    def _choose(self, connection: Any, _name: str | None, _initial: ssl.SSLContext) -> None:
        connection.context = self.shown.context


def _fresh() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    return context


def _context(files: CertificateFiles) -> ssl.SSLContext:
    context = _fresh()
    try:
        context.load_cert_chain(files.certificate, files.key)
    except (ssl.SSLError, OSError) as error:
        raise CertificateUnusable(
            f"{files.certificate} and {files.key} can't be served with ({error.strerror})",
            hint=f"name a certificate with its chain, and its key, both in PEM: {HOW}",
        ) from None
    return context


def _read(what: str, path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise CertificateUnusable(
            f"the {what} {path} can't be read: {error.strerror}", hint=f"name a file that you may read: {HOW}"
        ) from error


def _check_private(key: Path) -> None:
    """Its owner's group may read it, as some systems arrange it for servers; others may not."""
    mode = key.stat().st_mode
    if mode & _OTHERS:
        raise CertificateUnusable(
            f"the key {key} is open to other users (mode {mode & 0o777:04o})",
            hint=f"close it: chmod 600 {shlex.quote(str(key))}",
        )


def _check_time(leaf: "Certificate", files: CertificateFiles, now: float) -> float:
    begins, ends = leaf.not_valid_before_utc, leaf.not_valid_after_utc
    if now >= ends.timestamp():
        raise CertificateUnusable(
            f"the certificate {files.certificate} expired on {ends:%Y-%m-%d %H:%M} UTC", hint="renew it"
        )
    if now < begins.timestamp():
        raise CertificateUnusable(
            f"the certificate {files.certificate} is not valid before {begins:%Y-%m-%d %H:%M} UTC",
            hint="look at this machine's clock, or wait",
        )
    return ends.timestamp()


def _names(leaf: "Certificate", files: CertificateFiles) -> tuple[str, ...]:
    """The hosts that it is for: callers go by these alone (RFC 9525, 1.1)."""
    from cryptography.x509 import DNSName, ExtensionNotFound, IPAddress, SubjectAlternativeName

    try:
        names = leaf.extensions.get_extension_for_class(SubjectAlternativeName).value
    except (ExtensionNotFound, ValueError):
        names = SubjectAlternativeName([])
    found = (*names.get_values_for_type(DNSName), *map(str, names.get_values_for_type(IPAddress)))
    if not found:
        raise CertificateUnusable(
            f"the certificate {files.certificate} names no host (subjectAltName), so no caller accepts it",
            hint="get one for the name under which the service is called",
        )
    return found


def _state(files: CertificateFiles) -> tuple[Any, ...]:
    """What is another one when a file, or where a link leads, has changed."""

    def one(path: Path) -> tuple[int, int, int] | None:
        try:
            status = os.stat(path)  # noqa: PTH116
        except OSError:
            return None
        return status.st_mtime_ns, status.st_ino, status.st_size

    return one(files.certificate), one(files.key)

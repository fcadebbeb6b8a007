"""What the SDKs do not agree on: which CAs a machine trusts, why nobody answers, whose clock is right."""

import os
import socket
import ssl
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

_CA_VARIABLES: Final = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")
_PROXY_VARIABLES: Final = ("HTTPS_PROXY", "https_proxy")
_MOST_CAUSES: Final = 20


def ca_file() -> str | None:
    """The PEM file of CA certificates that this machine's environment names; None: the SDK's own.

    For SDKs that ask no variable, such as those that name certifi's file themselves.
    """
    return next((os.environ[name] for name in _CA_VARIABLES if os.environ.get(name)), None)


def proxy() -> str | None:
    """The proxy for HTTPS that the environment names, for SDKs that ask no variable."""
    return next((os.environ[name] for name in _PROXY_VARIABLES if os.environ.get(name)), None)


def why(error: BaseException, timeout: float) -> str:
    """Why there was no answer, in words of tic's own: an SDK's text may hold the request's address.

    `error` is what the SDK raised; what it stands on (cause, context, arguments) tells.
    """
    for one in reversed(causes(error)):
        if isinstance(one, ssl.SSLCertVerificationError):
            return (
                f"its certificate is not trusted ({getattr(one, 'verify_message', '') or 'no reason given'})"
            )
        if isinstance(one, ssl.SSLError):
            return f"TLS failed ({getattr(one, 'reason', '') or 'no reason given'})"
        if isinstance(one, socket.gaierror):
            return "its name can't be resolved"
        if isinstance(one, ConnectionRefusedError):
            return "the connection is refused"
        if isinstance(one, TimeoutError) or "Timeout" in type(one).__name__:
            return f"no answer within {timeout:g} s"
        if isinstance(one, OSError) and str(one).startswith("Tunnel connection failed"):
            return f"the proxy refuses: {str(one).removeprefix('Tunnel connection failed: ')[:60]}"
        if type(one).__name__ == "ProxyError" and not one.__cause__ and not one.__context__:
            return "the proxy can't be used, or refuses"
        if isinstance(one, ConnectionError) and one.errno is not None:
            return f"the connection broke ({os.strerror(one.errno).lower()})"
    return f"there is no connection ({type(error).__name__})"


def skew(date: str | None) -> timedelta | None:
    """This machine's time minus the one of an answer's Date header; None where it has none."""
    try:
        return datetime.now(UTC) - parsedate_to_datetime(date or "")
    except (ValueError, TypeError):
        return None


def causes(error: BaseException) -> list[BaseException]:
    """An error and what it stands on (cause, context, arguments), the innermost last."""
    found: list[BaseException] = []
    waiting: list[object] = [error]
    while waiting and len(found) < _MOST_CAUSES:
        one = waiting.pop(0)
        if isinstance(one, BaseException) and not any(one is other for other in found):
            found.append(one)
            inner = (getattr(one, name, None) for name in ("reason", "inner_exception"))  # urllib3's, Azure's
            waiting += [one.__cause__, one.__context__, *inner, *one.args]
    return found

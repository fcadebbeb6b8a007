"""What keeps a CA from being reached, in words of our own, each with its next step.

The libraries below nest up to five exceptions, whose texts have object addresses, C sources, and a proxy's
password in them. So nothing of them is told but what is a number or a known name.
"""

import errno
import http.client
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import IncompleteRead, RemoteDisconnected
from urllib.parse import urlsplit

EXPIRED, NOT_YET, OTHER_NAME = 10, 9, 62
"""Of OpenSSL's verification (x509_vfy.h: X509_V_ERR_...)."""
UNTRUSTED = {2, 18, 19, 20, 21, 24}
_NO_TLS = {"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG", "RECORD_LAYER_FAILURE"}
_NOTHING_IN_COMMON = ("PROTOCOL_VERSION", "HANDSHAKE_FAILURE", "UNSUPPORTED_PROTOCOL", "NO_SHARED_CIPHER")
_OF_NETWORK = {
    errno.ECONNREFUSED: "nothing accepts connections there",
    errno.ECONNRESET: "the connection was broken off",
    errno.EPIPE: "the connection was broken off",
    errno.ENETUNREACH: "there is no way to its network from here",
    errno.EHOSTUNREACH: "there is no way to its host from here",
    errno.EACCES: "this machine lets no connection out to it",
    errno.EPERM: "this machine lets no connection out to it",
}


@dataclass(frozen=True, slots=True)
class Fault:
    """What to say after the CA's URL, and what to do."""

    words: str
    hint: str


def fault(error: BaseException, directory_url: str) -> Fault:
    """What an exception of `requests` means for who asked the CA at `directory_url`."""
    import requests
    from urllib3.exceptions import HTTPError

    chain = list(_causes(error))
    for each in chain:
        if isinstance(each, ssl.SSLCertVerificationError):
            return _untrusted(each.verify_code, directory_url)
    for each in chain:
        if isinstance(each, ssl.SSLError):
            return _no_tls(each, directory_url)
    if isinstance(error, requests.exceptions.SSLError):
        return _untrusted(None, directory_url)
    if isinstance(error, requests.exceptions.ProxyError):
        return Fault(
            "can't be reached: the proxy does not let it through",
            "check the proxy that HTTPS_PROXY names, or except the CA from it by NO_PROXY; then run "
            "`tic stack up` again",
        )
    if isinstance(error, requests.exceptions.Timeout):
        return Fault(
            "did not answer in time",
            f"check that {directory_url} can be reached from here, then run `tic stack up` again",
        )
    what = next((words for each in chain if (words := _of_one(each))), "the connection failed")
    if isinstance(error, HTTPError):  # of urllib3, which reads URLs after `requests` has
        what = "its URL can't be read"
    return Fault(
        f"can't be reached: {what}",
        f"check `directoryUrl` ({directory_url}) and the network, then run `tic stack up` again",
    )


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The exception and all that it carries, the outermost first."""
    waiting, seen = [error], set[int]()
    while waiting:
        one = waiting.pop(0)
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        inner = (one.__cause__, one.__context__, getattr(one, "reason", None), *one.args)
        waiting += [each for each in inner if isinstance(each, BaseException)]


def _untrusted(code: int | None, directory_url: str) -> Fault:
    host = urlsplit(directory_url).hostname
    if code == EXPIRED:
        return Fault(
            "is not trusted: its certificate has expired",
            "check this machine's clock; if that is right, the CA has to renew its own certificate",
        )
    if code == NOT_YET:
        return Fault("is not trusted: its certificate is not valid yet", "check this machine's clock")
    if code == OTHER_NAME:
        return Fault(
            f"is not trusted: its certificate is not for {host}",
            f"write the host in `directoryUrl` ({directory_url}) as the CA's certificate has it",
        )
    known = "comes from a root that is not trusted here" if code in UNTRUSTED else "can't be verified"
    return Fault(
        f"is not trusted: its certificate {known}",
        f"put the PEM of the root that {directory_url} uses now into `caCertificates`",
    )


def _no_tls(error: ssl.SSLError, directory_url: str) -> Fault:
    reason = getattr(error, "reason", None) or ""  # only those that OpenSSL raised have one
    check = f"check host and port of `directoryUrl` ({directory_url}), then run `tic stack up` again"
    if reason in _NO_TLS:
        return Fault("does not speak TLS there", check)
    if any(each in reason for each in _NOTHING_IN_COMMON):
        return Fault(
            "has no version or cipher of TLS in common with this machine", "update the older of the two"
        )
    return Fault("can't be reached: it broke the TLS handshake off", check)


def _of_one(error: BaseException) -> str | None:
    import requests

    if isinstance(error, socket.gaierror):
        return "no name server knows its host"
    if isinstance(error, RemoteDisconnected):
        return "it closed the connection without an answer"
    if isinstance(error, IncompleteRead | requests.exceptions.ChunkedEncodingError):
        return "its answer broke off"
    if isinstance(error, requests.exceptions.TooManyRedirects):
        return "it redirects without end"
    if isinstance(error, requests.exceptions.InvalidURL):
        return "its URL can't be read"
    if isinstance(error, http.client.HTTPException):
        return "what answers does not speak HTTP"
    return _OF_NETWORK.get(error.errno or 0) if isinstance(error, OSError) else None

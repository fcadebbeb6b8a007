"""Who a credential is at its provider (SPEC B9): one module per provider, each asks with the official SDK.

A module has `identify(kind, fields, timeout) -> Identity`, which raises nothing but the errors of
`credentials.identity.errors`, and imports its SDK inside `with sdk(KIND):`. It may have `LOGGERS`, the names
of its SDK's loggers.
What an SDK raises can carry the request with its secrets: translate it, and drop it (`from None`).
"""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Final, Protocol

from credentials.identity.errors import (
    ClockSkew,
    IdentityError,
    Inconclusive,
    NotVerifiable,
    PackageMissing,
    Rejected,
    Unreachable,
    words_of,
)
from credentials.secret import SecretBytes

__all__ = [
    "ClockSkew",
    "Identity",
    "IdentityError",
    "Inconclusive",
    "NotVerifiable",
    "PackageMissing",
    "Rejected",
    "Unreachable",
    "sdk",
    "silence",
    "verifiable",
    "verify",
    "words_of",
]

TIMEOUT: Final = 20.0  # seconds, for each connection and each answer

# The module that asks, by kind: many kinds of one protocol share one.
_MODULES: Final = {
    "alicloud": "alicloud",
    "aws": "aws",
    "azure": "azure",
    "baiducloud": "baiducloud",
    "cloudflare": "cloudflare",
    "container-registry": "registry",
    "dingtalk": "im",
    "feishu": "im",
    "huaweicloud": "huaweicloud",
    "jdcloud": "jdcloud",
    "jenkins": "http_basic",
    "kubernetes": "kubernetes",
    "maven-settings": "http_basic",
    "rfc2136": "rfc2136",
    "tencentcloud": "tencentcloud",
    "username-password": "http_basic",
    "volcengine": "volcengine",
    "wechat-work": "im",
}
_HTTP_LOGGERS: Final = ("urllib3", "httpx", "httpcore", "requests")


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a credential is at its provider.

    `account` is the id of the account that pays, `principal` who acts in it (an ARN, a user's name or id);
    empty where the provider does not tell. `detail` is what else it tells, by label; `cannot` what the
    credential can't do, in words. None of it is secret.
    """

    account: str
    principal: str
    detail: Mapping[str, str]
    cannot: tuple[str, ...] = ()


class _Asker(Protocol):
    def identify(self, kind: str, fields: Mapping[str, SecretBytes], timeout: float) -> Identity: ...


def verifiable(kind: str) -> bool:
    """Whether `verify` knows whom to ask about credentials of this kind."""
    return kind in _MODULES


def verify(kind: str, fields: Mapping[str, SecretBytes], *, timeout: float = TIMEOUT) -> Identity:
    """Ask the provider who the credential is; `timeout` is in seconds, for each connection and each answer.

    Raises Rejected (ClockSkew), Inconclusive, Unreachable, PackageMissing, NotVerifiable.
    """
    if kind not in _MODULES:
        raise NotVerifiable(kind)
    module = import_module(f"credentials.identity.{_MODULES[kind]}")
    silence(*getattr(module, "LOGGERS", ()))
    asker: _Asker = module
    try:
        return asker.identify(kind, fields, timeout)
    except IdentityError:
        raise
    except Exception as error:  # of an SDK, on an answer that nobody foresaw; it may hold the request
        raise Inconclusive(kind, code=type(error).__name__, words="its SDK fails on the answer") from None


@contextmanager
def sdk(kind: str, extra: str | None = None) -> Iterator[None]:
    """Imports inside this block are of an SDK that is an extra (named as the kind): raises PackageMissing."""
    try:
        yield
    except ModuleNotFoundError:
        raise PackageMissing(kind, extra or kind) from None


def silence(*loggers: str) -> None:
    """Keep what SDKs log of their requests from every handler of this process, whatever its level.

    `loggers` are those of an SDK; those of the HTTP libraries beneath are among them.

    Some bring a handler of their own, and a variable (DEBUG, CLOUDFLARE_LOG) that has it print headers.
    """
    for name in (*_HTTP_LOGGERS, *loggers):
        logger = logging.getLogger(name)
        logger.propagate = False
        logger.disabled = True
        logger.handlers = [logging.NullHandler()]

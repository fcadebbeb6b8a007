"""What asking a provider who a credential is can end in, other than an answer."""

import unicodedata
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Final

from credentials.errors import CredentialError
from credentials.secret import MASK, SecretBytes

LONGEST_WORDS: Final = 200  # characters of a provider's own message that are repeated


class IdentityError(CredentialError):
    """The provider was asked, or could not be; exit code 1 unless a subclass says otherwise."""

    exit_code = 1


class Rejected(IdentityError):
    """The provider says that the credential is wrong, expired or disabled.

    `code` and `request_id` are the provider's own; `words` its message, through `words_of`, never raw.
    """

    def __init__(
        self, kind: str, *, code: str, words: str = "", request_id: str = "", hint: str = ""
    ) -> None:
        self.kind, self.code, self.request_id = kind, code, request_id
        what = f"{code}: {words}" if words else code
        request = f" (request {request_id})" if request_id else ""
        super().__init__(
            f"{kind} rejects this credential: {what}{request}",
            hint=hint or "look at the key in the provider's console, then: tic creds rotate CREDENTIAL",
        )


class ClockSkew(Rejected):
    """The provider refuses the request's time: this machine's clock is off, not the credential.

    `skew` is this machine's time minus the provider's; None where the provider does not tell its own.
    """

    def __init__(
        self, kind: str, *, code: str, skew: timedelta | None = None, request_id: str = "", words: str = ""
    ) -> None:
        self.skew = skew
        super().__init__(
            kind,
            code=code,
            words=f"this machine's clock is {apart(skew)}" if skew is not None else words,
            request_id=request_id,
            hint="set this machine's clock (timedatectl set-ntp true), then ask again; the key may be right",
        )


class Inconclusive(IdentityError):
    """The provider's answer says nothing of the credential: too many requests, a fault of its own."""

    def __init__(self, kind: str, *, code: str, words: str = "", request_id: str = "") -> None:
        self.kind, self.code, self.request_id = kind, code, request_id
        what = f"{code}: {words}" if words else code
        request = f" (request {request_id})" if request_id else ""
        super().__init__(
            f"{kind} does not say who this credential is: {what}{request}", hint="ask again in a minute"
        )


class Unreachable(IdentityError):
    """The provider did not answer: network, proxy, TLS, time. `why` holds no part of the request."""

    exit_code = 6

    def __init__(self, kind: str, why: str) -> None:
        self.kind, self.why = kind, why
        super().__init__(
            f"{kind} can't be asked who this credential is: {why}",
            hint="check the network, HTTPS_PROXY and the CA certificates, then ask again",
        )


class PackageMissing(IdentityError):
    """The provider's SDK is not installed."""

    exit_code = 6

    def __init__(self, kind: str, extra: str) -> None:
        self.kind = kind
        super().__init__(
            f"asking {kind} who a credential is needs its SDK, which is not installed",
            hint=f"install it: pip install 'tic-engine[{extra}]'",
        )


class NotVerifiable(IdentityError):
    """Nothing can be asked about a credential of this kind, or not with the fields that it has."""

    exit_code = 3

    def __init__(self, kind: str, why: str = "its provider has no call that tells") -> None:
        self.kind, self.why = kind, why
        super().__init__(
            f"nobody can be asked who a credential of the kind {kind} is: {why}",
            hint="its first use will tell: tic stack preview",
        )


def words_of(text: object, fields: Mapping[str, SecretBytes]) -> str:
    """A provider's message as it may be repeated: one short printable line, no value of `fields` in it."""
    words = " ".join(str(text).split())
    for value in sorted(_values(fields.values()), key=len, reverse=True):
        words = words.replace(value, MASK)
    safe = "".join("?" if unicodedata.category(one)[0] == "C" else one for one in words)
    return safe if len(safe) <= LONGEST_WORDS else safe[: LONGEST_WORDS - 1] + "…"


def _values(secrets: Iterable[SecretBytes]) -> set[str]:
    whole = {secret.reveal().decode(errors="replace") for secret in secrets}
    lines = {line for value in whole for line in value.splitlines()}
    return {value for value in whole | lines if len(value) >= 4}  # shorter ones are words of any message


def apart(skew: timedelta) -> str:
    """How far this machine's clock is from a provider's, in words."""
    seconds = round(abs(skew.total_seconds()))
    amount = f"{seconds} s" if seconds < 120 else f"{round(seconds / 60)} min"
    return f"{amount} {'ahead of' if skew > timedelta() else 'behind'} the provider's"

"""Tokens of an OIDC issuer in a file that the issuer renews: Kubernetes, GitLab and GitHub, any other.

The cloud verifies a token's signature; here it is read (RFC 7519) for what it says of itself, and never used
when that says that it is of no use. OpenID Connect Core, 2: https://openid.net/specs/openid-connect-core-1_0.html
"""

import base64
import binascii
import json
import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from credentials.identity.errors import words_of
from credentials.roles.errors import Reason, SourceFailed
from credentials.secret import SecretBytes

LONGEST_TOKEN: Final = 1 << 15  # bytes
LONGEST_CLAIM: Final = 1024  # characters of issuer, subject and audience
_JWT: Final = re.compile(rb"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_LATEST: Final = 1e11  # seconds since the epoch, beyond any token's end


@dataclass(frozen=True, slots=True)
class IdToken:
    """A token and its claims `iss`, `sub`, `aud` and `exp` (seconds since the epoch).

    `whole` is what its file holds to the letter, such as a newline at the end: some programs send that.
    """

    secret: SecretBytes = field(repr=False)
    whole: SecretBytes = field(repr=False)
    issuer: str
    subject: str
    audiences: tuple[str, ...]
    expires_at: float


def read(path: str | Path, *, now: float) -> IdToken:
    """The token in a file; raises SourceFailed where it is missing, open to others, none, or expired.

    Symbolic links are followed: Kubernetes renews its tokens by changing one.
    """
    return parsed(_content(Path(path)), now=now, where=f"the file {_shown(Path(path))}")


def parsed(content: bytes, *, now: float, where: str) -> IdToken:
    """The token with its claims, not verified; raises SourceFailed. `where` says where it is from."""
    token = content.strip()
    if not _JWT.fullmatch(token):
        raise _rejected(f"{where} holds no token (three parts of base64url, with dots between them)")
    head, payload, _ = token.split(b".")
    header, claims = _object(head), _object(payload)
    if header is None or claims is None or not isinstance(header.get("alg"), str):
        raise _rejected(f"{where} holds no token: its parts are no JSON objects")
    issuer, subject, audience = (claims.get(name) for name in ("iss", "sub", "aud"))
    audiences = tuple(audience) if isinstance(audience, list) else (audience,)
    if not all(_is_claim(one) for one in (issuer, subject, *audiences)) or not audiences:
        raise _rejected(f"the token in {where} does not say its issuer, subject and audience (iss, sub, aud)")
    ends = claims.get("exp")
    if isinstance(ends, bool) or not isinstance(ends, int | float) or not 0 < ends < _LATEST:
        raise _rejected(f"the token in {where} does not say when it ends (exp)")
    if ends <= now:
        raise _rejected(
            f"the token in {where} ended {_apart(now - ends)} ago",
            "have its issuer renew it (or set this machine's clock), then: tic role reauthorize PROVIDER",
        )
    said = str(issuer), str(subject), tuple(map(str, audiences)), float(ends)
    return IdToken(SecretBytes(token), SecretBytes(content), *said)


def _content(path: Path) -> bytes:
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # a named pipe must not hold it up
    except (OSError, ValueError) as error:
        why = os.strerror(error.errno).lower() if isinstance(error, OSError) and error.errno else "no path"
        raise SourceFailed(
            Reason.SOURCE_MISSING,
            f"the token file {_shown(path)} can't be read ({why})",
            hint="name the file that the issuer writes: tic role enable PROVIDER --source oidc:PATH",
        ) from None
    try:
        _check_access(path, os.fstat(handle), can_change=not _is_read_only(handle))
        content = os.read(handle, LONGEST_TOKEN + 1)
    finally:
        os.close(handle)
    if len(content) > LONGEST_TOKEN:
        raise _rejected(f"the file {_shown(path)} is larger than any token ({LONGEST_TOKEN >> 10} KiB)")
    return content


def _check_access(path: Path, status: os.stat_result, *, can_change: bool) -> None:
    """Nobody else may have written it; whoever can see to it that nobody else reads it has to.

    Kubernetes mounts tokens read-only with the mode 0644, and other issuers write them as root: those answer
    for the mode themselves.
    """
    file = f"the token file {_shown(path)}"
    if not stat.S_ISREG(status.st_mode):
        raise _rejected(f"{file} is no file")
    mode, own = stat.S_IMODE(status.st_mode), status.st_uid == os.geteuid()
    if not own and status.st_uid != 0:
        raise _rejected(f"{file} belongs to another user (id {status.st_uid})")
    if can_change and (mode & 0o022 or (own and mode & 0o044)):
        raise _rejected(f"{file} is open to other users (mode {mode:04o})", f"chmod 600 {_shown(path)}")


def _shown(path: Path) -> str:
    return words_of(path, {})


def _is_read_only(handle: int) -> bool:
    return bool(os.fstatvfs(handle).f_flag & os.ST_RDONLY)


def _object(part: bytes) -> Mapping[str, Any] | None:
    try:
        value = json.loads(base64.urlsafe_b64decode(part + b"=" * (-len(part) % 4)))
    except (ValueError, binascii.Error, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _is_claim(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= LONGEST_CLAIM and value.isprintable()


def _apart(seconds: float) -> str:
    return f"{round(seconds)} s" if seconds < 120 else f"{round(seconds / 60)} min"


def _rejected(
    why: str, hint: str = "have the issuer write one there, then: tic role reauthorize PROVIDER"
) -> SourceFailed:
    return SourceFailed(Reason.SOURCE_REJECTED, why, hint=hint)

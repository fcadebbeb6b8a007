"""Where a credential may be used: everywhere, in one Pulumi project, or in one repository (SPEC B7). Pure."""

import re
from dataclasses import dataclass
from typing import Final

from credentials.errors import CredentialError

EVERYWHERE: Final = "all"
LONGEST: Final = 300
_PROJECT: Final = re.compile(r"[A-Za-z0-9_.-]{1,100}")
_REMOTE: Final = re.compile(r"[^\s/:@]+(:\d+)?(/[^\s/]+)+")
_SCP: Final = re.compile(r"(?:[^@/\s]+@)?(?P<host>[^:/\s]+):(?!//)(?P<path>.+)")
_URL: Final = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.-]*)://(?:[^@/]*@)?(?P<host>[^/\s]+)/(?P<path>.+)", re.IGNORECASE
)
_USUAL_PORTS: Final = {"ssh": ":22", "https": ":443", "http": ":80", "git": ":9418"}


@dataclass(frozen=True, slots=True)
class Place:
    """Where something is done: the Pulumi project, and the remotes of the repository that it is in.

    `remotes` are URLs as git has them, or as `canonical_remote` writes them.
    """

    project: str | None = None
    remotes: tuple[str, ...] = ()


NOWHERE: Final = Place()
"""No project and no repository: where only what may be used everywhere is used."""


class BadScope(CredentialError):
    """The text names no scope."""

    def __init__(self, why: str) -> None:
        super().__init__(
            f"this is no scope: {why}",
            hint="give all, project:NAME (a Pulumi project), or repo:REMOTE, "
            "such as repo:github.com/acme/infra",
        )


class OutOfScope(CredentialError):
    """The credential is used where its scope does not allow it; nothing was opened (SPEC B7)."""

    exit_code = 3

    def __init__(self, name: str, scope: str, place: Place) -> None:
        super().__init__(
            f"credential {name!r} may not be used here: its scope is {scope}, and this is {in_words(place)}",
            hint=f"use it there, take another credential, or let its owner widen it: "
            f"tic creds scope {name} SCOPE",
        )


def checked_scope(text: str) -> str:
    """`text` as it is stored: `all`, `project:NAME` or `repo:HOST/PATH`; raises BadScope."""
    if len(text) > LONGEST:
        raise BadScope(f"it has {len(text)} characters ({LONGEST} at most)")
    if text == EVERYWHERE:
        return text
    kind, colon, value = text.partition(":")
    if kind == "project" and colon:
        if not _PROJECT.fullmatch(value):
            raise BadScope("a project's name has letters, digits, - _ and . (100 at most)")
        return text
    if kind == "repo" and colon:
        remote = canonical_remote(value)
        if not remote.isprintable() or not _REMOTE.fullmatch(remote):
            raise BadScope("a repository is written as its remote, HOST/PATH or the URL that git shows")
        return f"repo:{remote}"
    raise BadScope("it begins with neither project: nor repo:")


def admits(scope: str, place: Place) -> bool:
    """Whether a credential of this scope may be used at this place."""
    kind, _, value = scope.partition(":")
    if kind == "project":
        return place.project == value
    if kind == "repo":
        return value in {canonical_remote(remote) for remote in place.remotes}
    return scope == EVERYWHERE


def check(name: str, scope: str, place: Place) -> None:
    """Raise OutOfScope unless the credential may be used at this place."""
    if not admits(scope, place):
        raise OutOfScope(name, scope, place)


def canonical_remote(remote: str) -> str:
    """One way to write a remote: `host/path`, without user, scheme, usual port and `.git`.

    `git@github.com:acme/infra.git` and `https://github.com/acme/infra` are the same repository. The host's
    case does not count; the path's does.
    """
    remote = remote.strip()
    if found := _URL.fullmatch(remote):
        host = found["host"].lower().removesuffix(_USUAL_PORTS.get(found["scheme"].lower(), " "))
        path = found["path"]
    elif (found := _SCP.fullmatch(remote)) and not re.match(r"\d+/", found["path"]):
        host, path = found["host"].lower(), found["path"]
    else:
        host, _, path = remote.partition("/")
        host = host.lower()
    return f"{host}/{path.strip('/').removesuffix('.git')}"


def in_words(place: Place) -> str:
    """A place as a message names it."""
    project = f"project {place.project}" if place.project else "no project"
    remotes = ", ".join(canonical_remote(one) for one in place.remotes)
    return f"{project} in {f'repository {remotes}' if remotes else 'no repository'}"

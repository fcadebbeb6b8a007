"""Where something is done: which Pulumi project, in which repository. Scopes of credentials ask (SPEC B7)."""

import subprocess
from pathlib import Path

from credentials.scopes import Place
from engine import project

GIT_SECONDS = 10.0


def of_folder(folder: Path) -> Place:
    """The place of a folder: the project that it or a folder above it holds, and its repository's remotes."""
    found = project.find(folder)
    return Place(found.name if found is not None else None, remotes(folder))


def of_stack(name: str, folder: Path | None) -> Place:
    """The place of a stack of project `name`, whose files are in `folder`, if that is known."""
    return Place(name, remotes(folder) if folder is not None else ())


def remotes(folder: Path) -> tuple[str, ...]:
    """The URLs of the repository's remotes, as git has them; none outside a repository, or without git.

    A folder that is not there yet belongs where it would be made.
    """
    while not folder.is_dir() and folder != folder.parent:
        folder = folder.parent
    command = ["git", "-C", str(folder), "config", "--local", "--get-regexp", r"^remote\..*\.url$"]
    try:
        said = subprocess.run(command, capture_output=True, timeout=GIT_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ()
    lines = said.stdout.decode(errors="replace").splitlines() if said.returncode == 0 else []
    return tuple(url for _name, _space, url in (line.partition(" ") for line in lines) if url)

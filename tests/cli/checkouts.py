"""Projects in repositories, as people have them on disk."""

import subprocess
from pathlib import Path


def project(folder: Path, name: str) -> Path:
    """A Pulumi project with an empty Python program."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "Pulumi.yaml").write_text(f"name: {name}\nruntime: python\n")
    (folder / "__main__.py").write_text("")
    return folder


def repository(folder: Path, remote: str) -> Path:
    """A git repository with this remote."""
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["git", "init", "--quiet", folder], check=True)
    git(folder, "remote", "add", "origin", remote)
    return folder


def git(folder: Path, *words: str) -> None:
    """Run git there."""
    subprocess.run(["git", "-C", folder, *words], check=True)

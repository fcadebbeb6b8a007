"""Versions of programs, as far as comparing them goes: three numbers."""

import re
from typing import NamedTuple, Self


class Version(NamedTuple):
    """`major.minor.patch`; what follows (a pre-release, a commit) does not count."""

    major: int
    minor: int
    patch: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `3.259.0`, `v3.259.0-dev.0` or `go1.26`; raises ValueError for anything else."""
        found = re.match(r"(?:v|go)?(\d+)\.(\d+)(?:\.(\d+))?(?![\d.])", text.strip())
        if not found:
            raise ValueError(f"{text!r} is not a version")
        return cls(int(found[1]), int(found[2]), int(found[3] or 0))

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}"

"""What the rest of tic needs to know of a program that was found."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Source = Literal["path", "installer", "build"]


@dataclass(frozen=True, slots=True)
class Tool:
    """A program that tic can run; `source` says where it comes from."""

    path: Path
    version: str
    source: Source

"""Where tic keeps things: one private folder for data, one cache that may be deleted at any time."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from engine.errors import EngineError


class HomeUnusable(EngineError):
    """The data folder can't be made or is open to other users."""

    exit_code = 5


@dataclass(frozen=True, slots=True)
class Home:
    """The data folder (mode 0700) and the cache folder; making a `Home` touches nothing."""

    root: Path
    cache: Path

    @classmethod
    def find(cls, environ: Mapping[str, str] = os.environ) -> "Home":
        """`TIC_HOME` and `TIC_CACHE` where they are set, else the platform's own folders for data and
        cache.
        """
        return cls(_folder(environ, "TIC_HOME", "data"), _folder(environ, "TIC_CACHE", "cache"))

    @property
    def database(self) -> Path:
        """The SQLite file that holds vault and state."""
        return self.root / "tic.db"

    @property
    def key_file(self) -> Path:
        """The vault key, when it is kept in a file (the embedded default)."""
        return self.root / "vault.key"

    @property
    def pulumi(self) -> Path:
        """`PULUMI_HOME` of every Pulumi that tic starts; the user's own login is never touched."""
        return self.root / "pulumi"

    @property
    def sandbox(self) -> Path:
        """Where the sandbox CA and its DNS server keep their files."""
        return self.root / "sandbox"

    def make(self) -> None:
        """Make the data folder, private to its owner.

        Raises HomeUnusable where it can't be made, or where others could read it.
        """
        try:
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
            status = self.root.stat()
        except OSError as error:
            raise HomeUnusable(
                f"the folder {self.root} can't be used: {error.strerror}",
                hint="set TIC_HOME to a folder that you may write to",
            ) from error
        if status.st_mode & 0o077:
            raise HomeUnusable(
                f"the folder {self.root} is open to other users (mode {status.st_mode & 0o777:04o})",
                hint=f"close it: chmod 700 {self.root}",
            )


def _folder(environ: Mapping[str, str], variable: str, purpose: str) -> Path:
    if given := environ.get(variable):
        return Path(given).expanduser().absolute()
    import platformdirs  # only where it is needed: most runs in CI set both variables

    path = platformdirs.user_data_path if purpose == "data" else platformdirs.user_cache_path
    return path("tic", appauthor=False)

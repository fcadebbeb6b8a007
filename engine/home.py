"""Where tic keeps things: one private folder for data, one cache that may be deleted at any time."""

import os
import shlex
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from engine.errors import EngineError


class HomeUnusable(EngineError):
    """The data folder can't be made, is none, is somebody else's, or is open to other users.

    `command` mends it, where one command does.
    """

    exit_code = 5

    def __init__(self, message: str, *, hint: str, command: str = "") -> None:
        super().__init__(message, hint=f"{hint}: {command}" if command else hint)
        self.command = command


@dataclass(frozen=True, slots=True)
class Home:
    """The data folder (mode 0700) and the cache folder; making a `Home` touches nothing.

    `database_url` (`postgresql://...`, perhaps with a password) says where the database is, if it is not a
    file of the data folder.
    """

    root: Path
    cache: Path
    database_url: str | None = field(default=None, repr=False)

    @classmethod
    def find(cls, environ: Mapping[str, str] = os.environ) -> "Home":
        """`TIC_HOME` and `TIC_CACHE` where they are set, else the platform's own folders for data and
        cache; `TIC_DATABASE_URL` as it is. Raises HomeUnusable where a folder can't be made a path.
        """
        return cls(
            _folder(environ, "TIC_HOME", "data"),
            _folder(environ, "TIC_CACHE", "cache"),
            environ.get("TIC_DATABASE_URL") or None,
        )

    @property
    def database(self) -> Path:
        """The SQLite file that holds vault and state, unless `database_url` names another place."""
        return self.root / "tic.db"

    @property
    def database_files(self) -> tuple[Path, ...]:
        """The SQLite file, and those that SQLite keeps beside it for as long as it needs them."""
        return (self.database, *(self.root / f"tic.db-{suffix}" for suffix in ("wal", "shm", "journal")))

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
        """Make the data folder, private to its owner; raises HomeUnusable."""
        self.check_folder()
        try:
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise _unusable(self.root, error) from error
        self.check_folder()

    def check_folder(self) -> None:
        """Raise HomeUnusable unless the data folder is a folder, yours, and closed to others; one that is not
        there yet is fine.
        """
        status = _status(self.root)
        if status is None:
            return
        if not stat.S_ISDIR(status.st_mode):
            raise HomeUnusable(
                f"{self.root} is no folder, so tic can't keep its data in it",
                hint="set TIC_HOME to a folder of your own",
            )
        _check_private(f"the folder {self.root}", self.root, status, 0o700)

    def check_database(self) -> None:
        """Raise HomeUnusable unless the database's files are files, yours, and closed to others."""
        for path in self.database_files:
            status = _status(path)
            if status is None:
                continue
            if not stat.S_ISREG(status.st_mode):
                raise HomeUnusable(
                    f"{path} is no file, so it can't be the database",
                    hint=f"move it away: mv {shlex.quote(str(path))} {shlex.quote(f'{path}.away')}; "
                    "then put a backup back: tic vault restore FILE",
                )
            _check_private(f"the database {path}", path, status, 0o600)


def _status(path: Path) -> os.stat_result | None:
    """What `path` is; None where nothing is there."""
    try:
        return path.stat()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _unusable(path, error) from error


def _check_private(what: str, path: Path, status: os.stat_result, mode: int) -> None:
    if status.st_uid != os.geteuid():
        raise HomeUnusable(
            f"{what} belongs to user id {status.st_uid}, and you are {os.geteuid()}",
            hint="run tic as its owner, or set TIC_HOME to a folder of your own",
        )
    if status.st_mode & 0o077:
        raise HomeUnusable(
            f"{what} is open to other users (mode {status.st_mode & 0o777:04o})",
            hint="close it",
            command=f"chmod {mode:o} {shlex.quote(str(path))}",
        )


def _unusable(path: Path, error: OSError) -> HomeUnusable:
    return HomeUnusable(
        f"{path} can't be used: {error.strerror}", hint="set TIC_HOME to a folder that you may write to"
    )


def _folder(environ: Mapping[str, str], variable: str, purpose: str) -> Path:
    if given := environ.get(variable):
        try:
            return Path(given).expanduser().absolute()
        except (RuntimeError, OSError) as error:  # "~nobody", or a relative path in a folder that is gone
            raise HomeUnusable(
                f"{variable} names no folder that can be found: {given!r}",
                hint=f"set {variable} to an absolute path",
            ) from error
    import platformdirs  # only where it is needed: most runs in CI set both variables

    path = platformdirs.user_data_path if purpose == "data" else platformdirs.user_cache_path
    return path("tic", appauthor=False)

"""The anchor: the highest change that this machine has seen of a vault, sealed, in a file beside the key.

An old copy of the database that is put back opens with the same key and is whole in itself; only what lies
outside it can tell. The file moves after each commit, so after a crash it is behind, never ahead.
"""

import os
import secrets
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from credentials.errors import CredentialError
from credentials.sealing import BrokenSeal, Sealer

NAME: Final = "vault.seen"
READINGS: Final = 5
_OWNER: Final = ("anchor",)
_POSITION: Final = struct.Struct(">QQ")


class OldCopy(CredentialError):
    """The database is older than what this machine has seen of it: an old copy was put back."""

    exit_code = 5

    def __init__(self, seen: "Position", found: "Position") -> None:
        super().__init__(
            f"the database is an old copy: it is at change {found.counter} (audit entry {found.audited}), "
            f"and this machine has seen change {seen.counter} (audit entry {seen.audited}); credentials "
            "that were deleted or rotated since would come back",
            hint="put the newest copy back; if the old one is meant, say so: tic vault accept",
        )


class AnchorUnusable(CredentialError):
    """The file of the anchor can't be read, or holds what this vault has not put there."""

    exit_code = 5


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """How far a vault has come: its changes, and the entries of its audit log."""

    counter: int
    audited: int

    def is_behind(self, other: "Position") -> bool:
        """Whether anything that `other` has seen is missing here."""
        return self.counter < other.counter or self.audited < other.audited


class Anchor:
    """The anchor of one vault on this machine."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / NAME

    def check(self, sealer: Sealer, found: Position) -> None:
        """Raise OldCopy if the database is behind what was seen; a machine that has seen nothing agrees."""
        seen = self.seen(sealer)
        if seen is not None and found.is_behind(seen):
            raise OldCopy(seen, found)

    def seen(self, sealer: Sealer) -> Position | None:
        """What this machine has seen; None if nothing yet. Raises AnchorUnusable."""
        for _ in range(READINGS):
            try:
                return Position(*_POSITION.unpack(sealer.open(_OWNER, self.path.read_bytes())))
            except FileNotFoundError:
                return None
            except OSError as error:
                raise AnchorUnusable(
                    f"{self.path} can't be read: {error.strerror}", hint=f"make it yours: ls -l {self.path}"
                ) from error
            except (BrokenSeal, struct.error):
                continue  # another process may be writing it just now
        raise AnchorUnusable(
            f"{self.path} does not belong to this vault, or was changed: it can't be told whether the "
            "database is an old copy",
            hint="put both back from one backup; if this database is the newest: tic vault accept",
        )

    def check_place(self) -> None:
        """Raise AnchorUnusable where what is in the file's place is no file, so that none can be written."""
        if self.path.is_symlink() or (self.path.exists() and not self.path.is_file()):
            raise AnchorUnusable(
                f"{self.path} is no file, so this machine can't note how far the vault has come",
                hint=f"move it away: mv {self.path} {self.path}.away; then: tic vault accept",
            )

    def move(self, sealer: Sealer, position: Position, *, back: bool = False) -> None:
        """Remember `position`, durably; never an older one, unless it is meant to go `back`.

        Where the file can't be written it stays as it is; `check_place` says so before.
        """
        if not back:
            try:
                seen = self.seen(sealer)
            except AnchorUnusable:
                return  # `check` says so; it stays for whoever looks into it
            if seen is not None and seen >= position:
                return
        sealed = sealer.seal(_OWNER, _POSITION.pack(position.counter, position.audited))
        try:
            if not self._overwritten(sealed):
                self._replaced(sealed)
        except OSError:
            # The change itself is committed, and what it was made for must go on. The anchor is behind then,
            # which `tic vault doctor` names with its reason.
            return

    def _overwritten(self, sealed: bytes) -> bool:
        """Write in place what has the same length: one small write is whole or not there, also after a kill.

        It is not flushed to the disk; a power cut may leave the anchor behind, which raises no false alarm.
        """
        try:
            descriptor = os.open(self.path, os.O_WRONLY | os.O_NOFOLLOW)
        except FileNotFoundError:
            return False
        try:
            if os.fstat(descriptor).st_size != len(sealed):
                return False
            return os.pwrite(descriptor, sealed, 0) == len(sealed)
        finally:
            os.close(descriptor)

    def _replaced(self, sealed: bytes) -> None:
        half = self.path.with_name(f".{NAME}.{secrets.token_hex(8)}")
        try:
            descriptor = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(sealed)
                file.flush()
                os.fsync(file.fileno())
            half.replace(self.path)
        except OSError:
            half.unlink(missing_ok=True)
            raise

"""What a kind hands over besides one variable per field: private files, and constants."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from credentials.secret import SecretBytes


@dataclass(frozen=True, slots=True)
class DeliveredFile:
    """A private file for one process: `content` under `name`, in a folder that holds nothing else.

    The variables in `env` get the file's path, or the folder's where `folder` says so.
    """

    name: str
    content: SecretBytes
    env: tuple[str, ...]
    folder: bool = False


@dataclass(frozen=True, slots=True)
class BuiltFile:
    """A file that is built from several fields, by a builder of `credentials.files`, if `needs` are given."""

    name: str
    builds: str
    env: tuple[str, ...]
    needs: tuple[str, ...]
    folder: bool = False


@dataclass(frozen=True, slots=True)
class Constants:
    """Variables with values of their own, handed over where the fields in `when` are given.

    A field that fills the same variable wins.
    """

    when: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    lego: Mapping[str, str] = field(default_factory=dict)

    def apply_to(self, given: Collection[str]) -> bool:
        """Whether a credential with these fields gets them."""
        return all(name in given for name in self.when)

"""A stack's configuration that moves in: its secrets opened as they were sealed, and sealed by the vault.

Only what has to change in the file's text is changed, so comments, order and quoting stay. The keys of the
other secrets provider go, because Pulumi would use it as long as they stand there.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from engine import project
from engine.config import OTHER_PROVIDER, SECURE, ConfigRefused, replace
from engine.errors import EngineError

if TYPE_CHECKING:
    import yaml

    from engine.project import Document, Project
    from engine.state.sealing import Sealing
    from engine.state.stacks import Stack

SALT = "encryptionsalt"


class ConfigSealedByAnother(EngineError):
    """The file's secrets can't be opened here; nothing was written."""

    exit_code = 3

    def __init__(self, path: Path, who: str, keys: "tuple[str, ...]", target: str) -> None:
        others = f"; the others are {', '.join(keys[1:])}" if len(keys) > 1 else ""
        super().__init__(
            f"the secrets in {path} are sealed by {who}, which alone can open them",
            hint=f"hand them over one by one, where Pulumi is logged in to it: pulumi config get {keys[0]}"
            f" | tic stack config set {keys[0]} --secret --stack {target}{others}",
        )


@dataclass(frozen=True, slots=True)
class ConfigMove:
    """A stack's file from elsewhere (`source`) that becomes the stack's own (`path`), perhaps in its place.

    `renaming` is the project's name before and after, where that is another one.
    """

    source: Path
    path: Path
    renaming: tuple[str, str] | None = None

    def prepared(self, sealing: "Sealing", stack: "Stack", phrase: Callable[[], str]) -> "Resealed":
        """The file as the vault has sealed it for the stack; raises what `resealed` raises."""
        from engine.state.sealing import encrypter

        encrypt = encrypter(sealing, stack.id)
        name, renaming = stack.full_name, self.renaming
        text, count = resealed(self.source, target=name, phrase=phrase, encrypt=encrypt, renaming=renaming)
        return Resealed(self.path, text, count)


@dataclass(frozen=True, slots=True)
class Resealed:
    """A stack's file as it will be, with so many secrets.

    It is written after the stack's state is: the other way round, a state that does not come in would leave
    a file that nothing opens.
    """

    path: Path
    text: str
    secrets: int

    def write(self) -> None:
        """Write it, whole or not at all, with the permissions that the file has. Raises ConfigRefused."""
        replace(self.path, self.text)


def move(source: Path, where: "Project | None", stack: str, renaming: tuple[str, str] | None) -> ConfigMove:
    """The move of the file `source` to its place in the project. Raises ConfigRefused."""
    if not source.is_file():
        raise ConfigRefused(
            f"there is no file {source}", hint="give the stack's file: --config Pulumi.STACK.yaml"
        )
    if where is None:
        raise ConfigRefused(
            "a stack's file lies in its project's folder, and this is not one of that project",
            hint="go to the project's folder, then again",
        )
    path = where.stack_file(stack)
    if path.exists() and not path.samefile(source):
        raise ConfigRefused(
            f"{path} is there already, and would be lost",
            hint=f"move it away, or name it: --config {path.name}",
        )
    return ConfigMove(source, path, renaming)


class _Change(NamedTuple):
    """`text` in place of what stands from `start` up to `end`."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Foreign:
    """A stack's file with secrets that another provider sealed: `keys` have them, `salt` is the passphrase's,
    or None where it is another one.
    """

    path: Path
    keys: tuple[str, ...]
    salt: str | None
    provider: str


def foreign(path: Path) -> Foreign | None:
    """What another provider has sealed in the file; None where it names none. Raises ProjectUnusable."""
    if not path.is_file():
        return None
    document = project.read_document(path)
    named = [name for name in OTHER_PROVIDER if document.data.get(name) not in (None, "", "default")]
    if not named:
        return None
    return _described(path, document)


def resealed(
    path: Path,
    *,
    target: str,
    phrase: Callable[[], str],
    encrypt: Callable[[bytes], str],
    renaming: tuple[str, str] | None = None,
) -> tuple[str, int]:
    """The text of the file with its secrets sealed anew, and how many they are.

    `renaming` is the project's name before and after: keys of the project go with it. Raises ProjectUnusable,
    ConfigRefused, ConfigSealedByAnother, WrongPassphrase, Unreadable.
    """
    from engine.state.passphrase import Passphrase

    if not path.is_file():
        raise ConfigRefused(
            f"there is no file {path}", hint="give the stack's own: --config Pulumi.STACK.yaml"
        )
    document = project.read_document(path)
    text = path.read_bytes().decode("utf-8-sig")
    found = _described(path, document)
    changes = [*_without_provider(document, text)]
    if renaming is not None:
        changes += _renamed(document, text, renaming)
    secrets = list(_secrets(document))
    if secrets:
        if found.salt is None:
            raise ConfigSealedByAnother(path, found.provider, found.keys, target)
        sealed = Passphrase.of(phrase(), found.salt)
        changes += [_replaced(node, encrypt(sealed.unseal(str(node.value)))) for node in secrets]
    return _applied(text, changes), len(secrets)


def _described(path: Path, document: "Document") -> Foreign:
    salt, provider = document.data.get(SALT), document.data.get("secretsprovider")
    is_passphrase = isinstance(salt, str) and provider in (None, "", "default", "passphrase")
    name = "Pulumi Cloud, or another service"
    if isinstance(provider, str) and "://" in provider:
        name = f"a key service ({provider.partition('://')[0]})"
    keys = tuple(
        str(key.value) for key, value in _entries(document, "config") if any(True for _ in _secure(value))
    )
    return Foreign(path, keys, salt if is_passphrase else None, "a passphrase" if is_passphrase else name)


def _entries(document: "Document", name: str) -> "list[tuple[yaml.Node, yaml.Node]]":
    """The pairs of a mapping at the top of the file."""
    import yaml

    for key, value in document.root.value:
        if key.value == name and isinstance(value, yaml.MappingNode):
            return list(value.value)
    return []


def _secrets(document: "Document") -> "list[yaml.ScalarNode]":
    """Every ciphertext of the file, each once."""
    found = [node for _key, value in _entries(document, "config") for node in _secure(value)]
    return list({node.start_mark.index: node for node in found}.values())


def _secure(node: "yaml.Node") -> "Iterator[yaml.ScalarNode]":
    import yaml

    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _secure(item)
    elif isinstance(node, yaml.MappingNode):
        if len(node.value) == 1 and node.value[0][0].value == SECURE:
            inner = node.value[0][1]
            if isinstance(inner, yaml.ScalarNode):
                yield inner
                return
        for _key, item in node.value:
            yield from _secure(item)


def _without_provider(document: "Document", text: str) -> Iterator[_Change]:
    """Take out the lines of the other provider's keys."""
    for key, value in document.root.value:
        if key.value not in OTHER_PROVIDER:
            continue
        if document.root.flow_style:
            raise ConfigRefused(
                "the file is written as one line of JSON, out of which no single key can be taken",
                hint="write it as YAML, a key a line, and try again",
            )
        start = text.rfind("\n", 0, key.start_mark.index) + 1
        end = text.find("\n", max(key.end_mark.index, value.end_mark.index - 1))
        yield _Change(start, len(text) if end < 0 else end + 1, "")


def _renamed(document: "Document", text: str, renaming: tuple[str, str]) -> Iterator[_Change]:
    """The project's own keys under the project's new name."""
    before, after = renaming
    for key, _value in _entries(document, "config"):
        start = text.find(f"{before}:", key.start_mark.index, key.end_mark.index)
        if str(key.value).startswith(f"{before}:") and start >= 0:
            yield _Change(start, start + len(before), after)


def _replaced(node: "yaml.ScalarNode", text: str) -> _Change:
    """The scalar in one line; what is in base64 needs no quotes."""
    ends_line = node.style in ("|", ">")
    return _Change(node.start_mark.index, node.end_mark.index, f"{text}\n" if ends_line else text)


def _applied(text: str, changes: list[_Change]) -> str:
    for change in sorted(changes, reverse=True):
        text = text[: change.start] + change.text + text[change.end :]
    return text

"""A stack's configuration: `Pulumi.<stack>.yaml` beside its project, secrets as ciphertexts of the vault.

What stands in a file is changed node by node, so the other values stay as they were written (comments do
not). A secret is `{secure: base64}`, as Pulumi's CLI writes it: the ciphertext of the value's UTF-8 bytes,
bound to the stack.
"""

import base64
import binascii
import io
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine import plain_secrets, project
from engine.errors import EngineError
from engine.packages import kind_of

if TYPE_CHECKING:
    import yaml

    from engine.database import Database
    from engine.project import Document, Project
    from engine.state.sealing import Sealing
    from engine.state.stacks import Stack

HIDDEN = "[secret]"
SECURE = "secure"
OTHER_PROVIDER = ("secretsprovider", "encryptionsalt", "encryptedkey")  # where another one keeps its keys
_KEY = re.compile(r"(?:([A-Za-z0-9_.-]+):(?:config:)?)?([A-Za-z0-9_.-]+)")
_LOOKS_LIKE_A_NUMBER = re.compile(r"[-+.0-9]")
_MAP = "tag:yaml.org,2002:map"


class ConfigRefused(EngineError):
    """A configuration value that can't be used, or can't be kept as asked."""

    exit_code = 2


class PlainSecret(ConfigRefused):
    """A provider's secret in plain text, where everybody who reads the project reads it."""

    def __init__(self, key: str, path: Path, stack: str = "") -> None:
        """`stack` is given where the value is in the file already."""
        kind = kind_of(key.partition(":")[0])
        way = f"keep it in the vault: tic creds new NAME --provider {kind}; or seal it" if kind else "seal it"
        way += f": tic stack config set {key} --secret"
        if stack:
            way = f"take it out of {path}, and {way} --stack {stack}; whoever read it has it: replace it"
        super().__init__(
            f"{key} is a secret, and {'stands' if stack else 'would stand'} in {path} in plain text", hint=way
        )


@dataclass(frozen=True, slots=True)
class Entry:
    """One value: `key` with its namespace; secrets in `value` are `[secret]` unless they were asked for."""

    key: str
    value: Any
    secret: bool


def full_key(title: str, key: str) -> str:
    """`namespace:name`; a bare name belongs to the project `title`. Raises ConfigRefused."""
    parts = _KEY.fullmatch(key)
    if parts is None:
        raise ConfigRefused(
            f"{key!r} is not a configuration key: letters, digits, - _ . and one : are allowed",
            hint="write NAME, or NAMESPACE:NAME, for example aws:region",
        )
    return f"{parts[1] or title}:{parts[2]}"


def with_values(path: Path, title: str, values: Mapping[str, Any]) -> str:
    """The text of the file with these plain values; what stands in it already stays.

    Raises ConfigRefused, also for a plain value where a secret stands.
    """
    document = _read(path)
    for key, value in values.items():
        full = full_key(title, key)
        _check_plain(title, full, value, path)
        _put(document, path, full, title, _node(value))
    return _text(document)


def put(
    database: "Database",
    stack: "Stack",
    where: "Project",
    key: str,
    value: Any,
    sealing: "Sealing | None" = None,
) -> str:
    """Write one value, sealed where `sealing` (the vault) is given; gives back the key with its namespace.

    The write lock of the database keeps two commands from losing each other's change. Raises ConfigRefused.
    """
    from engine.state.sealing import encrypter

    path, full = where.stack_file(stack.name), full_key(where.name, key)
    node = _node(value)
    if sealing is None:
        _check_plain(where.name, full, value, path)
    else:
        node = _node({SECURE: encrypter(sealing, stack.id)(value.encode())})
    with database.write():
        document = _read(path)
        _put(document, path, full, where.name, node, secret=sealing is not None)
        _forget_other_provider(document, sealing, stack)
        replace(path, _text(document))
    return full


def remove(database: "Database", stack: "Stack", where: "Project", key: str) -> str:
    """Take one value out; gives back the key with its namespace. Raises ConfigRefused."""
    path, full = where.stack_file(stack.name), full_key(where.name, key)
    with database.write():
        document = _read(path)
        config = _config(document, path)
        left = [pair for pair in config.value if not _is(pair[0], full, where.name)]
        if len(left) == len(config.value):
            raise ConfigRefused(
                f"{path} has no {full}",
                hint=f"see what it has: tic stack config list --stack {stack.full_name}",
            )
        config.value[:] = left
        replace(path, _text(document))
    return full


def entries(sealing: "Sealing", stack: "Stack", where: "Project", *, show_secrets: bool) -> list[Entry]:
    """What stands in the stack's file, by key; secrets are opened only when asked for."""
    path = where.stack_file(stack.name)
    found = []
    for key, value in _values(_read(path), path).items():
        secret = any(True for _ in _ciphertexts(value))
        opened = value
        if secret:
            opened = _shown(value, sealing if show_secrets else None, stack, path, key)
        found.append(Entry(_shown_key(where.name, key), opened, secret))
    return sorted(found, key=lambda entry: entry.key)


def stack_values(stack: "Stack", where: "Project") -> dict[str, Any]:
    """What stands in the stack's file, by full key, as it stands there: secrets are `{secure: base64}`."""
    path = where.stack_file(stack.name)
    return {_shown_key(where.name, key): value for key, value in _values(_read(path), path).items()}


def project_values(where: "Project") -> dict[str, Any]:
    """What the project itself says of configuration, by full key: a value, or a mapping that declares one."""
    declared = project.read_data(where.file).get("config")
    if not isinstance(declared, dict):
        return {}
    return {_shown_key(where.name, key): value for key, value in declared.items() if isinstance(key, str)}


def check(sealing: "Sealing", stack: "Stack", folder: Path) -> None:
    """Raise ConfigRefused where the file of `stack` in the project `folder` holds a secret that this vault
    can't open, or names another secrets provider, which Pulumi would use instead of the vault; PlainSecret
    where a provider's secret stands in that file or in the project's.
    """
    where = project.read(folder)
    path = where.stack_file(stack.name)
    document = _read(path)
    declared = project.read_data(where.file).get("config")
    for file, values in ((path, _values(document, path)), (where.file, declared)):
        for key in plain_secrets.found(where.name, values if isinstance(values, dict) else {}):
            raise PlainSecret(key, file, stack.full_name)
    foreign = [name for name in OTHER_PROVIDER if _is_named(document.data.get(name))]
    for key, value in _values(document, path).items():
        for ciphertext in _ciphertexts(value):
            if foreign and _opened(ciphertext, sealing, stack) is None:
                raise ConfigRefused(
                    f"the secret {key} in {path} is sealed by another secrets provider, not by this vault",
                    hint=f"let the vault seal it: tic stack import-state {stack.full_name} --config {path}; "
                    f"or set it anew: tic stack config set {key} --secret --stack {stack.full_name}",
                )
            _open(ciphertext, sealing, stack, path, key)
    if foreign:
        raise ConfigRefused(
            f"{path} names another secrets provider ({', '.join(foreign)}), but the vault keeps the secrets",
            hint=f"take {' and '.join(foreign)} out of {path}",
        )


def replace(path: Path, text: str) -> None:
    """Write a file whole or not at all, with the permissions that it has. Raises ConfigRefused."""
    path = path.resolve()
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with beside.open("w", encoding="utf-8") as stream:
            if path.exists():
                os.fchmod(stream.fileno(), path.stat().st_mode & 0o777)
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        beside.replace(path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise ConfigRefused(
            f"{path} can't be written: {error.strerror}", hint="free or open it, and try again"
        ) from error


def _read(path: Path) -> "Document":
    import yaml

    if path.exists():
        return project.read_document(path)
    return project.Document({}, yaml.MappingNode(_MAP, []))


def _values(document: "Document", path: Path) -> dict[str, Any]:
    config = document.data.get("config")
    if config is None:
        return {}
    if not isinstance(config, dict) or not all(isinstance(key, str) for key in config):
        raise _no_mapping(path)
    return config


def _config(document: "Document", path: Path) -> "yaml.MappingNode":
    """The node under `config`, made where there is none."""
    import yaml

    _values(document, path)
    for number, (name, node) in enumerate(document.root.value):
        if name.value == "config":
            if not isinstance(node, yaml.MappingNode):
                node = yaml.MappingNode(_MAP, [])
                document.root.value[number] = (name, node)
            node.flow_style = False
            return node
    made = yaml.MappingNode(_MAP, [], flow_style=False)
    document.root.value.append((_node("config"), made))
    return made


def _no_mapping(path: Path) -> ConfigRefused:
    return ConfigRefused(f"config in {path} is not a mapping of keys to values", hint=f"mend {path}")


def _check_plain(title: str, full: str, value: Any, path: Path) -> None:
    if any(plain_secrets.found(title, {full: value})):
        raise PlainSecret(full, path)


def _put(
    document: "Document", path: Path, full: str, title: str, node: "yaml.Node", *, secret: bool = False
) -> None:
    config = _config(document, path)
    if not secret:
        for key, value in _values(document, path).items():
            if _shown_key(title, key) == full and any(True for _ in _ciphertexts(value)):
                raise ConfigRefused(
                    f"{full} in {path} is a secret; a plain value would stand there for all to read",
                    hint=f"give the secret anew: tic stack config set {full} --secret, or take it out first:"
                    f" tic stack config remove {full}",
                )
    config.value[:] = [
        *(pair for pair in config.value if not _is(pair[0], full, title)),
        (_node(full), node),
    ]
    config.value.sort(key=lambda pair: str(pair[0].value))


def _is(key: "yaml.Node", full: str, title: str) -> bool:
    return isinstance(key.value, str) and _shown_key(title, key.value) == full


def _shown_key(title: str, key: str) -> str:
    """The full form of a key as it stands in a file, where anything may stand."""
    return full_key(title, key) if _KEY.fullmatch(key) else key


def _node(value: Any) -> "yaml.Node":
    """A value as YAML whose texts stay texts for every reader of YAML, 1.1 or 1.2."""
    import yaml

    class Dumper(yaml.SafeDumper):
        def ignore_aliases(self, _data: Any) -> bool:
            return True

    def text(dumper: yaml.SafeDumper, given: str) -> yaml.ScalarNode:
        return dumper.represent_scalar(
            "tag:yaml.org,2002:str", given, style="'" if _LOOKS_LIKE_A_NUMBER.match(given) else None
        )

    Dumper.add_representer(str, text)
    return Dumper(io.StringIO()).represent_data(value)


def _text(document: "Document") -> str:
    import yaml

    document.root.flow_style = False
    written: str = yaml.serialize(document.root, Dumper=yaml.SafeDumper, allow_unicode=True, width=2**20)
    return written


def _ciphertexts(value: Any) -> Iterator[str]:
    """The ciphertexts in a value, nested ones too: Pulumi's `{secure: TEXT}`."""
    if isinstance(value, list):
        for item in value:
            yield from _ciphertexts(item)
    elif isinstance(value, dict):
        if _is_secure(value):
            yield value[SECURE]
        else:
            for item in value.values():
                yield from _ciphertexts(item)


def _is_secure(value: dict[Any, Any]) -> bool:
    return len(value) == 1 and isinstance(value.get(SECURE), str)


def _shown(value: Any, sealing: "Sealing | None", stack: "Stack", path: Path, key: str) -> Any:
    if isinstance(value, list):
        return [_shown(item, sealing, stack, path, key) for item in value]
    if not isinstance(value, dict):
        return value
    if _is_secure(value):
        return HIDDEN if sealing is None else _open(value[SECURE], sealing, stack, path, key)
    return {name: _shown(item, sealing, stack, path, key) for name, item in value.items()}


def _open(ciphertext: str, sealing: "Sealing", stack: "Stack", path: Path, key: str) -> str:
    plaintext = _opened(ciphertext, sealing, stack)
    if plaintext is None:
        raise ConfigRefused(
            f"the secret {key} in {path} does not open: this vault did not seal it for {stack.full_name}",
            hint=f"set it anew: tic stack config set {key} --secret --stack {stack.full_name}",
        )
    return plaintext


def _opened(ciphertext: str, sealing: "Sealing", stack: "Stack") -> str | None:
    from credentials.refusals import DamagedSecret
    from engine.state.sealing import context

    try:
        return sealing.unseal(context(stack.id), base64.b64decode(ciphertext, validate=True)).decode()
    except (binascii.Error, ValueError, DamagedSecret):
        return None


def _is_named(value: Any) -> bool:
    return value not in (None, "", "default")


def _forget_other_provider(document: "Document", sealing: "Sealing | None", stack: "Stack") -> None:
    """Drop the keys of another secrets provider once the vault opens every secret of the file."""
    if sealing is None or not any(name in document.data for name in OTHER_PROVIDER):
        return
    import yaml

    now = yaml.safe_load(_text(document))
    if all(_opened(each, sealing, stack) is not None for each in _ciphertexts(now["config"])):
        document.root.value[:] = [pair for pair in document.root.value if pair[0].value not in OTHER_PROVIDER]

"""A kubeconfig (kubernetes.io, "Organizing Cluster Access Using kubeconfig Files").

A program that the file names to get a token (`exec`) is left in it: whoever gives a kubeconfig trusts it.
"""

import base64
import json
from collections.abc import Mapping
from typing import Any, Final

from credentials.files.unfit import UnfitFile
from credentials.secret import SecretBytes

DEEPEST: Final = 40  # mappings and lists in one another
_NAME: Final = "tic"
_EMBEDDED: Final = ("certificate-authority", "client-certificate", "client-key")
_FLATTEN: Final = "print one that needs no other file: kubectl config view --raw --minify --flatten"


def build(fields: Mapping[str, SecretBytes]) -> bytes:
    """The file with one cluster and one user, from `server`, `token` and `ca` (PEM); JSON, which is YAML."""
    cluster = {"server": fields["server"].reveal().decode()}
    if "ca" in fields:
        cluster["certificate-authority-data"] = base64.b64encode(fields["ca"].reveal()).decode()
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": _NAME,
            "clusters": [{"name": _NAME, "cluster": cluster}],
            "users": [{"name": _NAME, "user": {"token": fields["token"].reveal().decode()}}],
            "contexts": [{"name": _NAME, "context": {"cluster": _NAME, "user": _NAME}}],
        }
    ).encode()


def check(content: bytes) -> None:
    """Raise UnfitFile unless `content` is a kubeconfig with a usable current context, whole in itself."""
    config = _read(content)
    if not isinstance(config, dict) or config.get("kind", "Config") != "Config":
        raise _unfit("it is not a kubeconfig (kind: Config)")
    clusters, users, contexts = (_named(config, list_) for list_ in ("clusters", "users", "contexts"))
    current = contexts.get(_text(config.get("current-context")))
    if current is None:
        choose = "choose one, and give it again: kubectl config use-context NAME"
        raise _unfit("its current-context names no context in it", hint=choose)
    cluster, user = clusters.get(_text(current.get("cluster"))), users.get(_text(current.get("user")))
    if cluster is None or not cluster.get("server"):
        raise _unfit("its current context names no cluster with a server in it")
    if user is None:
        raise _unfit("its current context names no user in it")
    for entry in (*clusters.values(), *users.values()):
        for key in _EMBEDDED:
            if entry.get(key):
                raise _unfit(f"it names a file beside it ({key})")
        if entry.get("tokenFile") and not str(entry["tokenFile"]).startswith("/"):
            raise _unfit("it names a file beside it (tokenFile)")


def secrets_in(content: bytes) -> tuple[bytes, ...]:
    """What of a kubeconfig is secret by itself: its users' tokens, passwords and keys."""
    found: list[bytes] = []
    for user in _named(_read(content), "users").values():
        values = [user.get(key) for key in ("token", "password", "client-key-data")]
        provider = user.get("auth-provider")
        if isinstance(provider, dict) and isinstance(provider.get("config"), dict):
            values += [
                value for key, value in provider["config"].items() if key.endswith(("token", "secret"))
            ]
        found += [value.encode() for value in values if isinstance(value, str) and value]
    return tuple(found)


def _read(content: bytes) -> Any:
    """The document, every scalar as text; aliases, which can make little text endlessly much, are refused."""
    import yaml

    loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
    depth = 0
    try:
        text = content.decode()
        for event in yaml.parse(text, Loader=loader):
            if isinstance(event, yaml.AliasEvent):
                raise _unfit("it holds YAML aliases (*name)")
            if isinstance(event, yaml.CollectionStartEvent):
                depth += 1
            elif isinstance(event, yaml.CollectionEndEvent):
                depth -= 1
            if depth > DEEPEST:
                raise _unfit(f"it is nested more than {DEEPEST} deep")
        return yaml.load(text, Loader=loader)  # noqa: S506 - BaseLoader makes text, lists and mappings alone
    except UnicodeDecodeError as error:
        raise _unfit(f"it is not UTF-8 (byte {error.start})") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f" (line {mark.line + 1}, column {mark.column + 1})" if mark else ""
        raise _unfit(f"it is not YAML{place}") from None


def _named(config: Mapping[str, Any], list_: str) -> dict[str, dict[str, Any]]:
    """The entries of `clusters`, `users` or `contexts` by name."""
    entries = config.get(list_) or []
    singular = list_.removesuffix("s")
    found = {}
    for entry in entries if isinstance(entries, list) else [None]:
        name, value = (entry.get("name"), entry.get(singular)) if isinstance(entry, dict) else (None, None)
        if not isinstance(name, str) or not isinstance(value or {}, dict):
            raise _unfit(f"its {list_} are not a list of names, each with its {singular}")
        found[name] = value or {}
    return found


def _text(value: Any) -> str:
    """A name that an entry says; whatever is no name is none."""
    return value if isinstance(value, str) else ""


def _unfit(fault: str, *, hint: str = _FLATTEN) -> UnfitFile:
    return UnfitFile("the kubeconfig", fault, hint=hint)

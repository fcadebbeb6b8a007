"""A whole state as a file: what `pulumi stack export` writes, and `pulumi stack import` reads.

The shape is Pulumi's `apitype.UntypedDeployment`: a schema number, the features that are used, a deployment.
A secret in it (`apitype.SecretV1`) has a `ciphertext`, or a `plaintext` where it was asked for; either way
what is sealed or shown is the JSON of the value.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import orjson

from engine.errors import EngineError
from engine.state.replay import FEATURED_SCHEMA, PLAIN_SCHEMA, replay
from engine.state.sealing import SECRET
from engine.state.urns import SIGNATURE, mapped, parse, without_dangling

SCHEMAS = (PLAIN_SCHEMA, FEATURED_SCHEMA)


class NoState(EngineError):
    """What was given is no state that can be read; the message repeats nothing of it."""

    exit_code = 2

    def __init__(self, what: str) -> None:
        super().__init__(what, hint="give what this writes: pulumi stack export --stack NAME --file FILE")


@dataclass(frozen=True, slots=True)
class Secrets:
    """How many secrets of a state are sealed, and how many stand there for all to read."""

    sealed: int
    shown: int


@dataclass(frozen=True, slots=True)
class Untyped:
    """A state; `deployment` is in the shape of `apitype.DeploymentV3`."""

    schema: int
    features: tuple[str, ...]
    deployment: dict[str, Any]

    @property
    def resources(self) -> list[dict[str, Any]]:
        """The resources, in their order."""
        return list(self.deployment.get("resources") or ())

    @property
    def pending(self) -> list[dict[str, Any]]:
        """The operations that were cut short (`apitype.OperationV2`)."""
        return list(self.deployment.get("pending_operations") or ())

    def owners(self) -> set[tuple[str, str]]:
        """The (project, stack) of every URN of a resource; one, where nothing was put together by hand."""
        urns = [parse(each["urn"]) for each in self.resources]
        return {(urn.project, urn.stack) for urn in urns if urn is not None}

    def secrets(self) -> Secrets:
        """How its secrets are kept."""
        sealed = sum(1 for _ in self.ciphertexts())
        return Secrets(sealed, sum(1 for _ in _secrets(self.deployment)) - sealed)

    def ciphertexts(self) -> Iterator[str]:
        """The secrets that are sealed, as they are sealed."""
        return (each["ciphertext"] for each in _secrets(self.deployment) if "ciphertext" in each)

    def with_secrets(self, change: Callable[[dict[str, Any]], dict[str, Any]]) -> "Untyped":
        """The state with `change` applied to each secret; what is secret inside one is a part of it."""
        deployment: dict[str, Any] = _changed(self.deployment, change)
        return replace(self, deployment=deployment)

    def written(self) -> str:
        """The file's text, as the CLI lays it out."""
        found: dict[str, Any] = {"version": self.schema}
        if self.features:
            found["features"] = list(self.features)
        found["deployment"] = self.deployment
        return orjson.dumps(found, option=orjson.OPT_INDENT_2).decode() + "\n"


def read(content: bytes) -> Untyped:
    """The state in a file; also one that lies in a file backend. Raises NoState."""
    try:
        body = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise NoState(f"this is not JSON (line {error.lineno}, column {error.colno})") from None
    if not isinstance(body, dict):
        raise NoState("this is JSON, and no state of a stack")
    deployment = body.get("deployment")
    if isinstance(body.get("checkpoint"), dict):
        deployment = body["checkpoint"].get("latest") or {}
    schema, features = body.get("version"), body.get("features") or []
    if deployment is None and "deployment" not in body:
        raise NoState("this is JSON, and no state of a stack")
    if schema not in SCHEMAS:
        raise NoState(
            f"states of schema {schema!r} are not known here, only {PLAIN_SCHEMA} and {FEATURED_SCHEMA}"
        )
    if not isinstance(features, list) or not all(isinstance(each, str) for each in features):
        raise NoState("the features of the state are not a list of names")
    found = {} if deployment is None else deployment
    if not in_shape(found):
        raise NoState("the state is not one that Pulumi writes: a resource is not in shape")
    return Untyped(schema, tuple(features), found)


def in_shape(deployment: Any) -> bool:
    """Whether the next update could replay over it: what can't be read then must not come in now."""
    if not isinstance(deployment, dict):
        return False
    if not isinstance(deployment.get("secrets_providers") or {}, dict):
        return False
    try:
        state = replay(deployment, [], now=datetime.now(UTC), engine="").deployment
        for resource in without_dangling(state.get("resources", ())):
            mapped(resource, str.strip)  # reads every reference
            if not isinstance(resource["type"], str):
                return False
        return all(_is_in_shape(secret) for secret in _secrets(deployment))
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError):
        return False


def _is_in_shape(secret: Mapping[str, Any]) -> bool:
    kept = [secret[key] for key in ("ciphertext", "plaintext") if key in secret]
    return len(kept) == 1 and isinstance(kept[0], str)


def _secrets(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, list):
        for item in value:
            yield from _secrets(item)
    elif isinstance(value, dict):
        if value.get(SIGNATURE) == SECRET:
            yield value
        else:
            for item in value.values():
                yield from _secrets(item)


def _changed(value: Any, change: Callable[[dict[str, Any]], dict[str, Any]]) -> Any:
    if isinstance(value, list):
        return [_changed(item, change) for item in value]
    if not isinstance(value, dict):
        return value
    if value.get(SIGNATURE) == SECRET:
        return change(value)
    return {key: _changed(item, change) for key, item in value.items()}

"""What a run sees of a stack that is shared with it: the outputs and the secrets among them, nothing else."""

import base64
from collections.abc import Iterator
from typing import Any

import orjson

from engine.state.sealing import SECRET, Sealing, context, require_sealed_here
from engine.state.urns import ROOT_STACK, SIGNATURE

_HEAD = ("manifest", "secrets_providers")


def only_outputs(deployment: dict[str, Any]) -> dict[str, Any]:
    """The deployment with its root resource alone, and of that the outputs alone."""
    kept: dict[str, Any] = {key: deployment[key] for key in _HEAD if key in deployment}
    root = _root(deployment)
    if root is not None:
        seen = {key: root[key] for key in ("urn", "type", "custom", "outputs") if key in root}
        kept["resources"] = [seen]
    return kept


def ciphertexts(deployment: dict[str, Any], sealing: Sealing, stack_id: int) -> frozenset[str]:
    """What is sealed among the outputs, also inside of what is sealed.

    Raises CredentialError, and SealedElsewhere.
    """
    require_sealed_here(deployment)
    return frozenset(_sealed((_root(deployment) or {}).get("outputs"), sealing, stack_id))


def _root(deployment: dict[str, Any]) -> dict[str, Any] | None:
    return next(
        (
            resource
            for resource in deployment.get("resources") or ()
            if resource["type"] == ROOT_STACK and not resource.get("delete")
        ),
        None,
    )


def _sealed(value: Any, sealing: Sealing, stack_id: int) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from _sealed(item, sealing, stack_id)
    elif isinstance(value, dict):
        if value.get(SIGNATURE) == SECRET:
            yield value["ciphertext"]
            inner = sealing.unseal(context(stack_id), base64.b64decode(value["ciphertext"]))
            value = orjson.loads(inner)
            if isinstance(value, (list, dict)):
                yield from _sealed(value, sealing, stack_id)
        else:
            for item in value.values():
                yield from _sealed(item, sealing, stack_id)

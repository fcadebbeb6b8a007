"""The package's Pulumi schema, from its resources' declarations; `pulumi package get-schema` shows it."""

import json
from collections.abc import Iterable
from typing import Any

from stacks.provider.acme import get_epoch
from stacks.provider.catalogue import RESOURCES
from stacks.provider.component.fallbacks import FALLBACKS
from stacks.provider.component.issued_certificate import TOKEN, IssuedCertificate
from stacks.provider.properties import Kind, Output, Property
from stacks.provider.resource import ResourceType

DESCRIPTION = (
    "Certificates by ACME (RFC 8555) with DNS-01 challenges, and where they are deployed. The resources get "
    "secrets from tic's vault, for the length of one run, and so they run under `tic stack up`."
)

# For SDKs that `pulumi package gen-sdk` makes: they carry the schema's version, and names of their own.
_LANGUAGES = {
    "python": {"packageName": "pulumi_tic", "respectSchemaVersion": True, "pyproject": {"enabled": True}},
    "nodejs": {"packageName": "pulumi-tic", "respectSchemaVersion": True},
    "go": {"respectSchemaVersion": True},
}


def schema(version: str) -> str:
    """The schema as JSON text."""
    return json.dumps(
        {
            "name": "tic",
            "displayName": "tic",
            "version": version,
            "description": DESCRIPTION,
            "keywords": ["acme", "certificates", "dns-01", "letsencrypt", "kind/native"],
            "license": "Apache-2.0",
            "attribution": "This package is part of tic.",
            "meta": {"moduleFormat": "(.*)(?:/[^/]*)"},
            "language": _LANGUAGES,
            "types": _TYPES,
            "provider": {
                "description": "Has no configuration: a stack's bindings say which credentials it uses."
            },
            "resources": {
                **{token: _resource(each) for token, each in RESOURCES.items()},
                TOKEN: _resource(IssuedCertificate, component=True),
            },
            "functions": {get_epoch.TOKEN: _function()},
        }
    )


def _resource(declared: ResourceType | type[IssuedCertificate], *, component: bool = False) -> dict[str, Any]:
    """A resource has its inputs as outputs too: they are in its state. A component has its own only."""
    own = {each.name for each in declared.outputs}
    echoed = [each for each in declared.inputs if each.name not in own and not component]
    return {
        "description": declared.description,
        "isComponent": component,
        "inputProperties": {each.name: _property(each) for each in declared.inputs},
        "requiredInputs": [each.name for each in declared.inputs if each.required],
        "properties": {
            **{each.name: _property(each) for each in echoed},
            **{each.name: _property(each) for each in declared.outputs},
        },
        "required": [
            *(each.name for each in echoed if each.required or each.default is not None),
            *(each.name for each in declared.outputs if not each.optional),
        ],
    }


def _function() -> dict[str, Any]:
    return {
        "description": get_epoch.DESCRIPTION,
        "inputs": {
            "type": "object",
            "properties": {each.name: _property(each) for each in get_epoch.ARGUMENTS},
        },
        "outputs": {
            "type": "object",
            "properties": {each.name: _property(each) for each in get_epoch.RESULTS},
            "required": [each.name for each in get_epoch.RESULTS if not each.optional],
        },
    }


def _property(declared: Property | Output) -> dict[str, Any]:
    described: dict[str, Any] = {**_type(declared), "description": declared.description}
    if declared.secret:
        described["secret"] = True
    if isinstance(declared, Property):
        if declared.default is not None:
            described["default"] = declared.default
        if declared.choices:
            described["description"] += f" One of {', '.join(declared.choices)}."
    return described


def _type(declared: Property | Output) -> dict[str, Any]:
    if declared.kind in (Kind.STRINGS, Kind.OBJECTS):
        items = {"$ref": f"#/types/{declared.items}"} if declared.items else {"type": "string"}
        return {"type": "array", "items": items}
    if declared.kind is Kind.OBJECT:
        if declared.items:
            return {"type": "object", "$ref": f"#/types/{declared.items}"}
        return {"type": "object", "additionalProperties": {"type": "string"}}
    if declared.kind is Kind.NUMBERS:
        return {"type": "object", "additionalProperties": {"type": "number"}}
    return {"type": declared.kind.value}


def _object(description: str, optional: Iterable[str] = (), **properties: tuple[str, str]) -> dict[str, Any]:
    return {
        "type": "object",
        "description": description,
        "properties": {
            name: {
                "type": kind,
                "description": text,
                **({"items": {"type": "string"}} if kind == "array" else {}),
            }
            for name, (kind, text) in properties.items()
        },
        "required": [name for name in properties if name not in set(optional)],
    }


def _fields(description: str, fields: Iterable[Property]) -> dict[str, Any]:
    """An object that is an input."""
    return {
        "type": "object",
        "description": description,
        "properties": {each.name: _property(each) for each in fields},
        "required": [each.name for each in fields if each.required],
    }


_TYPES = {
    "tic:acme/fallback:Fallback": _fields(
        "Another CA that a certificate may come from, and the account to order from it with.",
        FALLBACKS.fields,
    ),
    "tic:acme/orderAuthorization:OrderAuthorization": _object(
        "What the CA wants proven for one name of an order (RFC 8555 7.1.4).",
        optional=("token", "challengeUrl", "keyAuthorization", "recordName", "recordValue"),
        domain=("string", "The name as it was ordered, with `*.` if it is a wildcard."),
        identifier=("string", "The name to prove, without `*.`."),
        wildcard=("boolean", "Whether it is for a wildcard."),
        url=("string", "The authorization's URL."),
        status=("string", "Its status when it was ordered: `valid` needs no proof any more."),
        token=("string", "The dns-01 challenge's token."),
        challengeUrl=("string", "The dns-01 challenge's URL."),
        keyAuthorization=("string", "The token with the account key's thumbprint (8.1)."),
        recordName=("string", "The name of the TXT record that proves it."),
        recordValue=("string", "The text of that record."),
    ),
    "tic:dns/publication:Publication": _object(
        "A published challenge record: what it takes to publish it again, and to withdraw it.",
        optional=("provider", "nameservers"),
        identifier=("string", "The name that it proves, without `*.`."),
        token=("string", "The challenge's token."),
        keyAuthorization=("string", "The token with the account key's thumbprint."),
        recordName=("string", "The record's name."),
        recordValue=("string", "The record's text."),
        provider=("string", "Which of the stack's bindings publishes."),
        nameservers=("array", "The servers that it is verified at, instead of the zone's own."),
        timeoutSeconds=("number", "How long the name servers may take to show it."),
    ),
    "tic:acme/renewalWindow:RenewalWindow": _object(
        "When the CA wants a certificate renewed (RFC 9773 4.2).",
        start=("string", "Not before (RFC 3339)."),
        end=("string", "Not after (RFC 3339)."),
    ),
}

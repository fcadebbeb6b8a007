"""A ChallengeRecord's `publication`: what publishes its record, publishes it again, and withdraws it."""

from typing import Any

from stacks.broker import Publish, Withdraw
from stacks.provider.acme.challenge import record_name, record_value
from stacks.provider.resource import Values

SETTINGS = ("provider", "nameservers", "timeoutSeconds", "timing")


def publication(inputs: Values) -> dict[str, Any]:
    """From a ChallengeRecord's inputs; the names are those of the schema's type."""
    return {
        **{each: inputs[each] for each in ("identifier", "token", "keyAuthorization")},
        "recordName": record_name(inputs["identifier"]),
        "recordValue": record_value(inputs["keyAuthorization"]),
        **{each: inputs.get(each) for each in SETTINGS},
    }


def publish_request(published: Values) -> Publish:
    """As the broker takes it, to publish."""
    return Publish(
        published["identifier"],
        published["token"],
        published["keyAuthorization"],
        published.get("provider"),
        tuple(published.get("nameservers") or ()),
        float(published["timeoutSeconds"]),
        {name: float(seconds) for name, seconds in (published.get("timing") or {}).items()},
    )


def withdraw_request(published: Values) -> Withdraw | None:
    """As the broker takes it, to withdraw; None where nothing was published."""
    name, value = published.get("recordName"), published.get("recordValue")
    return Withdraw(published["identifier"], name, value) if name and value else None

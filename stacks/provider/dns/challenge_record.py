"""tic:dns/challengeRecord:ChallengeRecord: the TXT record that proves one name, published and verified."""

from contextlib import suppress
from dataclasses import replace
from typing import Any

from stacks.broker import DEFAULT_TIMEOUT_SECONDS, TIMES, BrokerError
from stacks.provider.acme.challenge import record_name
from stacks.provider.dns.publication import SETTINGS, publication, publish_request, withdraw_request
from stacks.provider.properties import Change, Checked, Failure, Kind, Output, Property, Refused
from stacks.provider.resource import Created, ResourceType, Values
from stacks.provider.run import Operation
from stacks.provider.values import is_unknown


def nameservers(given: list[str]) -> list[str]:
    """Every server as `ip:port`, `[ip]:port` for IPv6; a port that is not given is 53."""
    import ipaddress

    normal, reasons = [], []
    for index, each in enumerate(given):
        bare = each.strip()
        host, port = bare, "53"
        if bare.startswith("["):
            host, _, rest = bare[1:].partition("]")
            port = rest.removeprefix(":") or "53"
        elif bare.count(":") == 1:
            host, _, port = bare.partition(":")
        try:
            address = ipaddress.ip_address(host)
            if not 0 < int(port) < 65536:
                raise ValueError(port)
        except ValueError:
            reasons.append((f"[{index}]", f"{each!r} must be an IP address, with a port if it is not 53"))
            continue
        normal.append(f"[{address}]:{int(port)}" if address.version == 6 else f"{address}:{int(port)}")
    if reasons:
        raise Refused(*reasons)
    return normal


def timeout_seconds(given: float) -> float:
    """Between a second and a day."""
    if not 1 <= given <= 86_400:
        raise Refused("must be between 1 and 86400 seconds")
    return given


def timing(given: dict[str, Any]) -> dict[str, float]:
    """Whole seconds, under the names that a credential's fields have."""
    wrong = [(f".{name}", f"is none of {', '.join(TIMES)}") for name in given if name not in TIMES]
    wrong += [
        (f".{name}", "must be a whole number of seconds, at most a day")
        for name, seconds in given.items()
        if not (0 <= seconds <= 86_400 and float(seconds).is_integer())
    ]
    if wrong:
        raise Refused(*wrong)
    return {name: float(seconds) for name, seconds in given.items()}


PROVIDER = Property(
    "provider",
    Kind.STRING,
    "Which of the stack's bindings publishes, by its provider; needed only where several could.",
    change=Change.UPDATE,
)
NAMESERVERS = Property(
    "nameservers",
    Kind.STRINGS,
    "Servers (ip:port) to verify the record at, instead of the zone's own: for split DNS and tests.",
    change=Change.UPDATE,
    rule=nameservers,
)
TIMEOUT_SECONDS = Property(
    "timeoutSeconds",
    Kind.NUMBER,
    "How long the name servers may take to show the record.",
    default=DEFAULT_TIMEOUT_SECONDS,
    change=Change.UPDATE,
    rule=timeout_seconds,
)

TIMING = Property(
    "timing",
    Kind.NUMBERS,
    "Seconds by the names of a DNS credential's settings: ttl, propagation-timeout, polling-interval, "
    "sequence-interval, http-timeout, dns-timeout. The credential's own come first, then these, then "
    "variables of tic's environment such as CLOUDFLARE_TTL.",
    change=Change.UPDATE,
    rule=timing,
)


class ChallengeRecord(ResourceType):
    """A record lives from its creation until its authorization is settled: seconds, in the same run.

    Another provider or other servers are for the next challenge: they do not publish a settled one again.
    """

    token = "tic:dns/challengeRecord:ChallengeRecord"  # noqa: S105  (a type token)
    description = (
        "The TXT record of a DNS-01 challenge (RFC 8555 8.4): published with the stack's DNS credential and "
        "verified at the authoritative servers. Its Authorization withdraws it."
    )
    inputs = (
        Property("identifier", Kind.STRING, "The name to prove, without `*.`.", required=True),
        Property("token", Kind.STRING, "The challenge's token; an authorization that is valid has none."),
        Property("keyAuthorization", Kind.STRING, "The token with the account key's thumbprint (8.1)."),
        Property(
            "authorizationStatus",
            Kind.STRING,
            "The authorization's status when it was ordered; nothing is published for a `valid` one.",
        ),
        PROVIDER,
        NAMESERVERS,
        TIMEOUT_SECONDS,
        TIMING,
        Property(
            "native",
            Kind.BOOLEAN,
            "Another resource of the stack holds the record (depend on it): it is verified here, and neither "
            "published nor withdrawn.",
            change=Change.UPDATE,
        ),
    )
    outputs = (
        Output("recordName", Kind.STRING, "The record's name.", optional=True),
        Output("recordValue", Kind.STRING, "The record's text.", optional=True),
        Output("zone", Kind.STRING, "The zone that holds it.", optional=True),
        Output("credential", Kind.STRING, "The token of the credential that published it.", optional=True),
        Output(
            "publication",
            Kind.OBJECT,
            "All of it, for the Authorization; missing where nothing was published.",
            optional=True,
            items="tic:dns/publication:Publication",
        ),
    )

    def check(self, given: Values) -> Checked:
        """Besides each property's own rules: a token goes with its key authorization."""
        checked = super().check(given)
        if "token" in checked.inputs and "keyAuthorization" not in checked.inputs:
            checked.failures.append(Failure("keyAuthorization", "is required where there is a `token`"))
        return checked

    def create(self, operation: Operation, inputs: Values) -> Created:
        """Publish and verify through the broker; a record that can't be verified is withdrawn again."""
        if inputs.get("authorizationStatus") == "valid" or not inputs.get("token"):
            return Created(f"{record_name(inputs['identifier'])}/already-valid", {})
        shown = publication(inputs)
        name = shown["recordName"]
        if inputs.get("native"):
            return self._held(operation, shown)
        operation.say(f"publishing {name}")
        try:
            published = operation.interruptible(
                lambda: operation.run.broker.publish(publish_request(shown)), f"{name} to be published"
            )
        except BrokerError:
            _withdraw(operation, shown)
            raise
        # An interrupted publication is left to the broker: at the end of the run it withdraws what is left.
        place = {"recordName": published.record_name, "recordValue": published.record_value}
        operation.run.published.add((published.record_name, published.record_value))
        outputs = {
            **place,
            "zone": published.zone,
            "credential": published.credential,
            "publication": {**shown, **place},
        }
        return Created(f"{published.record_name}/{published.record_value}", outputs)

    def _held(self, operation: Operation, shown: Values) -> Created:
        """Verify what another resource published: without a `publication` nobody withdraws it."""
        name = shown["recordName"]
        operation.say(f"waiting for {name}")
        request = replace(publish_request(shown), held=True)
        seen = operation.interruptible(lambda: operation.run.broker.publish(request), f"{name} to appear")
        outputs = {
            "recordName": seen.record_name,
            "recordValue": seen.record_value,
            "zone": seen.zone,
            "credential": seen.credential,
        }
        return Created(f"{seen.record_name}/{seen.record_value}", outputs)

    def update(self, operation: Operation, state: Values, inputs: Values) -> dict[str, Any]:
        """Nothing is published again; an authorization that is not settled yet finds the new values."""
        return self.preview_update(state, inputs)

    def preview_update(self, state: Values, inputs: Values) -> dict[str, Any]:
        """The same."""
        kept = self.kept(state)
        if kept["publication"] is not None and not any(is_unknown(each) for each in inputs.values()):
            settings = {each: inputs.get(each) for each in SETTINGS}
            kept["publication"] = {**kept["publication"], **settings}
        return kept

    def delete(self, operation: Operation, state: Values) -> None:
        """Withdraw it, if it is still there."""
        if (request := withdraw_request(state)) is not None:
            operation.run.broker.withdraw(request)


def _withdraw(operation: Operation, shown: Values) -> None:
    """After a failure, which is what is told: the broker keeps a note of what can't be withdrawn now."""
    request = withdraw_request(shown)
    if request is not None:
        with suppress(BrokerError):
            operation.run.broker.withdraw(request)

"""From an opened credential to what publishes records with it: tic's own clients, or a worker with lego."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from credentials.secret import SecretBytes
from engine.acme_dns import FIELD, accounts_at
from engine.cloud_clients import cloud_client
from engine.dns_bindings import ACME_DNS, CLOUDS, DYNAMIC_UPDATES, POWERDNS
from engine.errors import EngineError
from engine.timing import DNS_TIMEOUT, HTTP_TIMEOUT, PROPAGATION, TTL, Timing
from stacks.dns import powerdns
from stacks.dns.powerdns_api import CALL_SECONDS
from stacks.dns.powerdns_api import Settings as PowerDnsSettings
from stacks.dns.publisher import Publisher
from stacks.dns.rfc2136 import ANSWER_SECONDS, DEFAULT_TTL, DynamicUpdates, Settings
from stacks.dns.worker import LegoProvider, LegoWorker, Limits
from stacks.dns.zones import SystemResolver

if TYPE_CHECKING:
    from credentials.kinds import Field, Kind

# lego's clients of these ask until a change is everywhere, also of a withdrawal, and also where they may not.
WAITING = frozenset({"aws", "cloudns", "gcloud", "nifcloud"})
LEFT_SECONDS = 15


class NotForRecords(EngineError):
    """The DNS client of this provider has no use for a part of the credential, so it would be refused."""

    exit_code = 3

    def __init__(self, kind: str, field_name: str) -> None:
        super().__init__(
            f"records at {kind} can't be published with temporary keys: its DNS client knows no {field_name}",
            hint="bind a credential with keys of its own instead: tic stack bind STACK CREDENTIAL",
        )


def client(
    kind: "Kind",
    fields: Mapping[str, SecretBytes],
    *,
    resolvers: tuple[str, ...],
    timing: Timing,
    limits: Limits,
    machine: Mapping[str, str],
    alone: powerdns.Alone = powerdns.unshared,
) -> Publisher:
    """A publisher with these values; `resolvers` (`ip:port`) are whom lego asks, by default this machine's;
    `alone` holds a record set that is changed as a whole.

    Raises NotForRecords, and what the publisher raises for settings that it can't use.
    """
    if kind.name in {DYNAMIC_UPDATES, POWERDNS}:
        values = {name: value.reveal().decode() for name, value in fields.items()}
        if kind.name == DYNAMIC_UPDATES:
            return _dynamic_updates(values, timing)
        return _powerdns(values, timing, machine, alone)
    if kind.name in CLOUDS:
        return cloud_client(kind.name, fields, timing=timing, machine=machine, alone=alone)
    if unread := [one for one in kind.fields if one.secret and one.name in fields and not _is_read(one)]:
        raise NotForRecords(kind.name, unread[0].name)
    seconds, limits = _within(kind, timing, limits)
    timed = {name: SecretBytes(str(each).encode()) for name, each in seconds.items()}
    if kind.name == ACME_DNS:
        fields = {**fields, FIELD: accounts_at(fields)}
    environment = kind.lego_environment({**fields, **timed})
    provider = LegoProvider(
        name=kind.dns or "",
        environment={name: value.reveal().decode() for name, value in environment.items()},
        allowed=kind.lego_variables,
        secrets=[one.decode() for one in _secrets(kind, fields)],
        nameservers=resolvers or SystemResolver().endpoints,
        files={name: file.content.reveal() for file in kind.lego_files(fields) for name in file.env},
    )
    return LegoWorker(provider, limits=limits, machine=machine)


def _within(kind: "Kind", timing: Timing, limits: Limits) -> tuple[Mapping[str, int], Limits]:
    """What is said to lego, and how long its calls may take: a client that waits gives up while it is heard.

    Else it would be stopped, and nobody told what it waited for. The verifying afterwards has its own time.
    """
    if kind.name not in WAITING:
        return timing.values, limits
    known = kind.field(PROPAGATION)
    usual = int((known.default if known else None) or limits.perform)
    waits = min(timing.seconds(PROPAGATION) or usual, max(1, int(limits.perform) - LEFT_SECONDS))
    return {**timing.values, PROPAGATION: waits}, replace(limits, cleanup=max(limits.cleanup, limits.perform))


def _dynamic_updates(values: Mapping[str, str], timing: Timing) -> DynamicUpdates:
    settings = Settings.read(
        values["nameserver"],
        values.get("tsig-key", ""),
        values.get("tsig-secret", ""),
        values.get("tsig-algorithm", ""),
        ttl=timing.seconds(TTL) or DEFAULT_TTL,
    )
    return DynamicUpdates(settings, seconds=timing.seconds(DNS_TIMEOUT) or ANSWER_SECONDS)


def _secrets(kind: "Kind", fields: Mapping[str, SecretBytes]) -> list[bytes]:
    """The secret fields, and what is secret by itself in the files."""
    from credentials.files import secrets_in

    whole = [fields[one.name].reveal() for one in kind.fields if one.secret and one.name in fields]
    return whole + [part for file in kind.lego_files(fields) for part in secrets_in(file.name, file.content)]


def _powerdns(
    values: Mapping[str, str], timing: Timing, machine: Mapping[str, str], alone: powerdns.Alone
) -> powerdns.PowerDns:
    settings = PowerDnsSettings.read(
        values["api-url"], values["api-key"], values.get("server-name", ""), values.get("api-version", "")
    )
    return powerdns.PowerDns(
        settings,
        alone=alone,
        ttl=timing.seconds(TTL) or powerdns.DEFAULT_TTL,
        seconds=timing.seconds(HTTP_TIMEOUT) or CALL_SECONDS,
        machine=machine,
    )


def _is_read(field: "Field") -> bool:
    """Whether the DNS client gets this field."""
    return bool(field.lego or field.file_lego)

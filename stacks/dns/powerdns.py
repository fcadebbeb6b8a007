"""PowerDNS by its HTTP API, one value at a time though the API knows only whole record sets.

Every change is: read the set, write it with or without the one value, and read again until it is so. All else
at the name stays as it was read: other values, the TTL of a set that was there, disabled records, comments.
Between the reading and the writing of one tic no other may write (`alone`); programs that are not tic's, and
tics of other vaults, can still come between, which is why what was written is read again.
"""

import os
import random
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from threading import Event

from stacks.dns.powerdns_api import CALL_SECONDS, Api, OutcomeUnknown, RecordSet, Settings, Value, Zone
from stacks.dns.publisher import ProviderFailed, Record

DEFAULT_TTL = 120
ATTEMPTS = 8
LONGEST_PAUSE_SECONDS = 0.4

Alone = Callable[[str], AbstractContextManager[None]]
"""Holds what it is given the name of for the block: no other process changes that meanwhile."""


def unshared(name: str) -> AbstractContextManager[None]:
    """For a process that knows of no other."""
    return nullcontext()


class PowerDns:
    """A Publisher over PowerDNS's API; several threads may use it at once."""

    usable = True
    nameservers: tuple[str, ...] = ()

    def __init__(
        self,
        settings: Settings,
        *,
        alone: Alone,
        ttl: int = DEFAULT_TTL,
        seconds: float = CALL_SECONDS,
        machine: Mapping[str, str] = os.environ,
    ) -> None:
        """`ttl` (seconds) is that of sets which this makes; `seconds` is how long a call may take."""
        self._api = Api(settings, seconds=seconds, machine=machine)
        self._alone = alone
        self._ttl = ttl
        self._stopped = Event()

    def perform(self, record: Record) -> None:
        """Add the value to what is at the name."""
        self._change(record, with_value)

    def cleanup(self, record: Record) -> None:
        """Take the value away from what is at the name; where it is not there, nothing is written."""
        self._change(record, without_value)

    def stop(self) -> None:
        """Begin no further attempt; each call has its time limit."""
        self._stopped.set()

    def close(self) -> None:
        """Give the connections back."""
        self._api.close()

    def _change(self, record: Record, wanted_of: Callable[[RecordSet, str], RecordSet]) -> None:
        zone = self._api.zone_of(record.name)
        with self._alone(f"{self._api.settings.url} {zone.name} {record.name}"):
            self._until_so(zone, record, wanted_of)

    def _until_so(self, zone: Zone, record: Record, wanted_of: Callable[[RecordSet, str], RecordSet]) -> None:
        lost: ProviderFailed | None = None
        for attempt in range(ATTEMPTS):
            if attempt > 1 and self._stopped.wait(random.uniform(0, LONGEST_PAUSE_SECONDS)):  # noqa: S311
                break
            try:
                found = self._api.record_set(zone, record.name)
                wanted = wanted_of(found, record.value)
                if wanted == found:
                    return
                ttl = self._ttl if found.ttl is None else found.ttl
                self._api.replace(zone, record.name, wanted, ttl)
            except OutcomeUnknown as error:
                lost = error  # the next reading tells
            except ProviderFailed as error:
                error.untouched = attempt == 0
                raise
        raise lost or ProviderFailed(
            f"the TXT records of {record.name} in PowerDNS were changed by another program each of the "
            f"{ATTEMPTS} times that tic changed them",
            hint=f"find out what else writes {record.name} in the zone {zone.name}; then run again",
        )


def with_value(found: RecordSet, value: str) -> RecordSet:
    """The set with an enabled record of this value; itself where it has one."""
    mine = Value(f'"{value}"')
    if mine in found.values:
        return found
    others = tuple(each for each in found.values if each.content != mine.content)
    return RecordSet((*others, mine), found.ttl)


def without_value(found: RecordSet, value: str) -> RecordSet:
    """The set without any record of this value; itself where it has none."""
    others = tuple(each for each in found.values if each.content != f'"{value}"')
    return found if others == found.values else RecordSet(others, found.ttl)

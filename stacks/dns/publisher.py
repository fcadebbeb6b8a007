"""What publishes a record and withdraws it again: two verbs, whatever stands behind them."""

from dataclasses import dataclass
from typing import Protocol

from stacks.dns.record import Challenge
from stacks.errors import StackError


class ProviderFailed(StackError):
    """A DNS provider did not do what it was asked. `untouched`: it is certain that nothing was written."""

    def __init__(self, message: str, *, hint: str, untouched: bool = False) -> None:
        super().__init__(message, hint=hint)
        self.untouched = untouched


@dataclass(frozen=True, slots=True)
class Record:
    """A challenge's TXT record at the name where it belongs: behind a CNAME not the challenge's own."""

    challenge: Challenge
    name: str

    @property
    def value(self) -> str:
        """The challenge's TXT value."""
        return self.challenge.value


class Publisher(Protocol):
    """One credential's way to its DNS provider, for one run; one call at a time.

    Performing twice and cleaning up what is gone do no harm. Other values at the same name are left alone
    where the provider can tell them apart.
    """

    @property
    def usable(self) -> bool:
        """Whether it can be asked again; a worker that crashed or was stopped can't."""
        ...

    @property
    def nameservers(self) -> tuple[str, ...]:
        """The servers (`ip:port`) that alone know what it publishes; empty: the zone's own do."""
        ...

    def perform(self, record: Record) -> None:
        """Publish the record. Raises ProviderFailed."""
        ...

    def cleanup(self, record: Record) -> None:
        """Withdraw the record. Raises ProviderFailed."""
        ...

    def stop(self) -> None:
        """End a call that hangs, from any thread; it can't be asked again."""
        ...

    def close(self) -> None:
        """Give up what it holds; it can't be asked again."""
        ...

"""How a provider's records are timed: from the credential, else the record, else the environment (SPEC D2).

The names are the tuning fields of the credential's kind: `ttl`, `propagation-timeout`, `polling-interval`,
`sequence-interval`, `http-timeout`, `dns-timeout`. The environment's names are those that lego reads
(`CLOUDFLARE_TTL`), and older ones; nothing else is ever taken from the environment.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from credentials.kinds.field import BETWEEN_RECORDS, Field, fault_of
from engine.errors import EngineError

if TYPE_CHECKING:
    from credentials.kinds import Kind

PROPAGATION = "propagation-timeout"
POLLING = "polling-interval"
SEQUENCE = BETWEEN_RECORDS
TTL = "ttl"
DNS_TIMEOUT = "dns-timeout"
HTTP_TIMEOUT = "http-timeout"
OURS = frozenset({PROPAGATION, POLLING, SEQUENCE})
"""What tic itself keeps to: it verifies each record, whatever the provider's client would do."""


class TimingRefused(EngineError):
    """A time that was asked for can't be used; says where it was said."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class Timing:
    """`values` are whole seconds by the name of the kind's field, only those that somebody said."""

    values: Mapping[str, int] = field(default_factory=dict)

    def seconds(self, name: str) -> int | None:
        """What was said; None leaves it to the provider, or to tic."""
        return self.values.get(name)

    @property
    def key(self) -> tuple[tuple[str, int], ...]:
        """What tells this timing from another, for what is opened once for each."""
        return tuple(sorted(self.values.items()))


def resolve(
    kind: "Kind", fields: Mapping[str, str], asked: Mapping[str, float], environ: Mapping[str, str]
) -> Timing:
    """The timing of a credential of `kind`, whose fields are `fields`, for a record that asks for `asked`.

    Raises TimingRefused for a name that the kind has not, for what is not a whole number of seconds, and for
    less than the provider takes.
    """
    known = {one.name: one for one in kind.fields if one.tuning and one.seconds}
    # The bounds of waiting are tic's own, so that every provider has them, also one that lego only runs.
    for name in asked:
        if name not in known and name not in OURS:
            raise TimingRefused(
                f"the record asks for {name}, and {kind.name} has no such setting",
                hint=f"leave it out, or choose of: {', '.join(sorted({*known, *OURS}))}",
            )
    values: dict[str, int] = {}
    for name in sorted({*known, *OURS}):
        said = _said(kind.name, name, known.get(name), fields, asked, environ)
        if said is not None:
            values[name] = said
    return Timing(values)


def _said(
    kind: str,
    name: str,
    one: "Field | None",
    fields: Mapping[str, str],
    asked: Mapping[str, float],
    environ: Mapping[str, str],
) -> int | None:
    if name in fields:
        return int(fields[name])  # it was checked when the credential was made
    if name in asked:
        text, own = f"{asked[name]:g}", Field(name, name, "", seconds=True)
        return _checked(kind, one or own, text, f"the record's {name}", "correct `timing` of the record")
    if one is not None:
        variable = next((each for each in one.variables if environ.get(each)), None)
        if variable is not None:
            return _checked(kind, one, environ[variable], variable, f"correct it, or: unset {variable}")
    return None


def _checked(kind: str, one: Field, text: str, where: str, hint: str) -> int:
    fault = fault_of(one, text)
    if fault is not None:
        raise TimingRefused(f"{where} {fault} (for {kind})", hint=hint)
    return int(text)

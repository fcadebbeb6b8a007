"""Domain names as a certificate and an order hold them: A-labels in lower case, at most 100, none twice."""

from collections.abc import Sequence

from stacks.provider.acme.international import ACE, shown, to_ascii
from stacks.provider.properties import Refused

MOST_NAMES = 100  # what the public CAs take in one order
MOST_TOLD = 5
LONGEST_NAME, LONGEST_LABEL = 253, 63  # RFC 1035 2.3.4, without the final dot
_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-")


def domains(given: Sequence[str]) -> list[str]:
    """Every name in its normal form and in the given order; refuses with each name's own reason."""
    if not given:
        raise Refused("must name at least one domain")
    if len(given) > MOST_NAMES:
        raise Refused(
            f"may name at most {MOST_NAMES} domains, and names {len(given)}; use several certificates"
        )
    normal: list[str] = []
    first_at: dict[str, int] = {}
    reasons: list[tuple[str, str]] = []
    for index, name in enumerate(given):
        try:
            normal.append(domain(name))
        except Refused as refused:
            reasons += [(f"[{index}]", f"{name!r} {reason}") for _, reason in refused.reasons]
            continue
        if (before := first_at.setdefault(normal[-1], index)) != index:
            reasons.append((f"[{index}]", f"{name!r} is the same name as domains[{before}]"))
    if reasons:
        raise Refused(*reasons)
    return normal


def domain(given: str) -> str:
    """One name in its normal form: A-labels (RFC 5890), lower case, no final dot, `*.` only at its front."""
    name = given.strip().rstrip(".")
    prefix, base = ("*.", name[2:]) if name.startswith("*.") else ("", name)
    if "*" in base:
        raise Refused("may have one `*` only, as its whole first label (RFC 8555 7.1.3)")
    base = to_ascii(base).rstrip(".")
    if len(base) > LONGEST_NAME:
        raise Refused(f"is longer than {LONGEST_NAME} characters")
    labels = base.split(".")
    if labels[-1].isdecimal():
        raise Refused("is an IP address, which a DNS record can't prove")
    for label in labels:
        _check_label(label)
    return prefix + base


def identifier(name: str) -> str:
    """What the CA calls the name in an authorization: a wildcard's base domain (RFC 8555 7.1.4)."""
    return name.removeprefix("*.")


def told(names: Sequence[str]) -> str:
    """Names in a sentence: as people write them, and only so many that it can be read."""
    first = ", ".join(shown(each) for each in names[:MOST_TOLD])
    return f"{first} and {len(names) - MOST_TOLD} more" if len(names) > MOST_TOLD else first


def _check_label(label: str) -> None:
    if not label:
        raise Refused("has an empty label")
    if len(label) > LONGEST_LABEL:
        raise Refused(f"has a label of more than {LONGEST_LABEL} characters")
    if strange := sorted(set(label) - _LETTERS):
        raise Refused(f"holds {strange[0]!r}; letters, digits and hyphens are allowed")
    if label.startswith("-") or label.endswith("-"):
        raise Refused("has a label that begins or ends with a hyphen")
    if label[2:4] == "--" and not label.startswith(ACE):
        raise Refused(f"has hyphens in the third and fourth place of a label, as only those after {ACE} may")

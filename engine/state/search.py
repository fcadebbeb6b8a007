"""Resources found by a query over all stacks, such as `type:s3 -stack:dev "my name" modified:>=2026-01-01`.

Terms are joined by and; `-` before one negates it. A field's value is found anywhere in the field, in either
case; in quotes it is the whole field. A word without field is found in name, type, id or URN.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from engine.errors import EngineError
from engine.state.urns import parse as parts_of

Found = dict[str, Any]
_TERM = re.compile(r'(?P<not>-?)(?:(?P<field>[A-Za-z.]+):)?(?:"(?P<quoted>[^"]*)"|(?P<bare>[^\s"]+))(?=\s|$)')
_COMPARED = re.compile(r"(>=|<=|>|<)?(.+)")
TEXTS = ("name", "type", "id", "urn", "package", "module", "project", "stack", "parent.urn", "provider.urn")
FLAGS = ("custom", "protected", "delete")
DATES = ("created", "modified")
_ANYWHERE = ("name", "type", "id", "urn")


class QueryRefused(EngineError):
    """A query that can't be read."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class Term:
    """One condition; `field` "" is any of the usual fields."""

    field: str
    value: str
    whole: bool = False
    negated: bool = False

    def holds(self, found: Mapping[str, Any]) -> bool:
        """Whether a resource meets it."""
        return self._met(found) is not self.negated

    def _met(self, found: Mapping[str, Any]) -> bool:
        if self.field in FLAGS:
            return found[self.field] is (self.value == "true")
        if self.field in DATES:
            return _compared(found[self.field], self.value)
        return any(self._in(found[field]) for field in ([self.field] if self.field else _ANYWHERE))

    def _in(self, text: str) -> bool:
        value = self.value.casefold()
        return text.casefold() == value if self.whole else value in text.casefold()


def parse(query: str) -> list[Term]:
    """The terms of a query; raises QueryRefused."""
    terms, at = [], 0
    while at < len(query):
        if query[at].isspace():
            at += 1
            continue
        match = _TERM.match(query, at)
        if match is None:
            raise QueryRefused(f"the query can't be read from {query[at:]!r} on", hint=_HINT)
        terms.append(_term(match))
        at = match.end()
    return terms


def _term(match: re.Match[str]) -> Term:
    name, quoted = match["field"] or "", match["quoted"]
    value = match["bare"] if quoted is None else quoted
    if name and name not in (*TEXTS, *FLAGS, *DATES):
        raise QueryRefused(f"resources have no field {name!r} that can be searched", hint=_HINT)
    if name in FLAGS and value not in ("true", "false"):
        raise QueryRefused(f"{name} is true or false, not {value!r}", hint=_HINT)
    return Term(name, value, whole=quoted is not None, negated=bool(match["not"]))


_HINT = f"fields: {', '.join((*TEXTS, *FLAGS, *DATES))}; for example: type:Bucket -stack:dev"


def search(resources: Iterable[Found], terms: Iterable[Term]) -> Iterator[Found]:
    """Those that meet every term."""
    wanted = list(terms)
    return (found for found in resources if all(term.holds(found) for term in wanted))


def described(resource: Mapping[str, Any], project: str, stack: str) -> Found:
    """A resource of a deployment as `apitype.ResourceResult`; every text is there, if only empty."""
    urn = parts_of(resource["urn"])
    package, _, rest = str(resource["type"]).partition(":")
    return {
        "urn": resource["urn"],
        "name": urn.name if urn else "",
        "type": resource["type"],
        "package": package,
        "module": rest.rpartition(":")[0],
        "id": _text(resource, "id"),
        "project": project,
        "stack": stack,
        "created": _text(resource, "created"),
        "modified": _text(resource, "modified"),
        "custom": bool(resource.get("custom")),
        "protected": bool(resource.get("protect")),
        "delete": bool(resource.get("delete")),
        "dependencies": list(resource.get("dependencies") or ()),
        "parent.urn": _text(resource, "parent"),
        "provider.urn": _text(resource, "provider").rpartition("::")[0],
    }


def _text(resource: Mapping[str, Any], key: str) -> str:
    return str(resource.get(key) or "")


def _compared(date: str, wanted: str) -> bool:
    """Whether a time in ISO 8601 (UTC) is as wanted; a day means all of it."""
    match = _COMPARED.fullmatch(wanted)
    if match is None or not date:
        return False
    within, limit = date.startswith(match[2]), match[2]
    match match[1]:
        case ">=":
            return date >= limit
        case "<=":
            return date <= limit or within
        case ">":
            return date > limit and not within
        case "<":
            return date < limit
    return within

"""One changed property as a line: what it was and what it is, and of a secret only that it differs."""

import json
from collections.abc import Mapping
from typing import Any

LONGEST = 200  # characters of a value in a line; --json has the whole
SIGNS = {"added": "+", "removed": "-", "changed": "~"}


def change_line(change: Mapping[str, Any]) -> str:
    """The line of an `engine.past.changes.Change`, given as a mapping."""
    sign, path = SIGNS[change["kind"]], change["path"] or "all of it"
    if change["secret"]:
        return f"{sign} {path}: {change['kind']}, secret"
    if change["kind"] == "changed":
        return f"{sign} {path}: {value_text(change['before'])} -> {value_text(change['after'])}"
    return f"{sign} {path}: {value_text(change['after' if change['kind'] == 'added' else 'before'])}"


def value_text(value: Any) -> str:
    """A value as JSON, cut where it is long."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}… (--json has all of it)"

"""Limits of the user's own, from `limits.toml` in the data folder: what a CA grants beyond what it documents,
and what a CA of one's own allows. Its form is that of tic's own `limits.toml`.
"""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from shlex import quote
from types import NoneType
from typing import Any

from engine.errors import EngineError

FILE = "limits.toml"
FIELDS = {
    "name": (str,),
    "label": (str,),
    "counts": (str,),
    "per": (str,),
    "most": (int,),
    "refill": (int, float),
    "told_by": (str,),
    "renewals_exempt": (bool,),
    "ends_with_success": (bool,),
}
OF_A_CA = {"directories", "label", "source", "known", "replacements_exempt", "limit"}


class LimitsMalformed(EngineError):
    """The user's file of limits can't be read, or says something that is none."""

    exit_code = 2


def read(path: Path) -> Mapping[str, Any]:
    """The file's tables, by the name of the CA; empty where there is no file. Raises LimitsMalformed."""
    try:
        data = tomllib.loads(path.read_text())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise malformed(path, f"can't be read: {error}") from None
    for name, values in data.items():
        if not isinstance(values, dict) or not values.keys() <= OF_A_CA:
            raise malformed(path, f"[{name}] may hold {', '.join(sorted(OF_A_CA))}")
        directories = values.get("directories", [])
        if not isinstance(directories, list) or not all(isinstance(each, str) for each in directories):
            raise malformed(path, f"[{name}] directories must be a list of URLs")
        for one in values.get("limit", ()):
            _check(path, name, one)
    return data


def _check(path: Path, name: str, limit: Any) -> None:
    if not isinstance(limit, dict) or not isinstance(limit.get("name"), str):
        raise malformed(path, f"each [[{name}.limit]] needs a name")
    where = f"[[{name}.limit]] {limit['name']!r}"
    if strange := sorted(limit.keys() - FIELDS.keys()):
        raise malformed(path, f"{where} has no {', '.join(strange)}")
    if wrong := [
        field for field, types in FIELDS.items() if type(limit.get(field)) not in (*types, NoneType)
    ]:
        raise malformed(path, f"{where}: {wrong[0]} is of the wrong type")
    if limit.get("most", 1) < 1 or limit.get("refill", 1) <= 0:
        raise malformed(path, f"{where}: most and refill must be more than 0")


def malformed(path: Path, what: str) -> LimitsMalformed:
    """The error for what is wrong with the file."""
    return LimitsMalformed(f"{path}: {what}", hint=f"mend it, or take it away: rm {quote(str(path))}")

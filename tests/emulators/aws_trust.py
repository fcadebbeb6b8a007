"""How AWS reads a role's trust policy, as far as roles of tic need it.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html: naming an account
leaves it to that account's own policies who of it may; naming a user or role of the same account is enough.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from fnmatch import fnmatchcase
from operator import eq
from typing import Any


class Trust(Enum):
    """Whether a role trusts who asks: not, if its own policies let it, or in any case."""

    NONE = "none"
    ACCOUNT = "account"
    PRINCIPAL = "principal"


@dataclass(frozen=True, slots=True)
class Asking:
    """Who asks for the role, by ARN: a user, role or identity provider; `context` is what conditions read."""

    action: str
    principal: str
    federated: bool = False
    context: Mapping[str, str] = field(default_factory=dict)


def trust(document: str, asking: Asking) -> Trust:
    """What the trust policy says to who asks."""
    found = Trust.NONE
    for statement in _listed(json.loads(document).get("Statement", [])):
        assert statement["Effect"] == "Allow", "this emulator reads no denials"
        if asking.action not in _listed(statement["Action"]):
            continue
        if not _conditions_hold(statement.get("Condition", {}), asking.context):
            continue
        named = _names(statement["Principal"], asking)
        found = named if named is not Trust.NONE else found
    return found


def _names(principal: Any, asking: Asking) -> Trust:
    kind = "Federated" if asking.federated else "AWS"
    named = _listed(principal.get(kind, [])) if isinstance(principal, dict) else [principal]
    if asking.principal in named or "*" in named:
        return Trust.PRINCIPAL
    account = asking.principal.split(":")[4]
    root = ":".join([*asking.principal.split(":")[:2], "iam", "", account, "root"])
    return Trust.ACCOUNT if not asking.federated and {root, account} & set(named) else Trust.NONE


def _conditions_hold(conditions: Mapping[str, Mapping[str, Any]], context: Mapping[str, str]) -> bool:
    for operator, wanted in conditions.items():
        assert operator in ("StringEquals", "StringLike")
        matches: Callable[[str, str], bool] = eq if operator == "StringEquals" else fnmatchcase
        for key, values in wanted.items():
            if not any(matches(context.get(key, ""), value) for value in _listed(values)):
                return False
    return True


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]

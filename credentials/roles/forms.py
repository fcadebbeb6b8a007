"""What providers' roles have in common: how one is written, and the least that a session of it may do."""

import json
import re

from credentials.roles.errors import BadRole


def written_as(form: re.Pattern[str], text: str, what: str, hint: str) -> str:
    """The text of a role without the space around it; raises BadRole where it is no `what`."""
    role = text.strip()
    if not form.fullmatch(role):
        raise BadRole(f"{role[:80]!r} is no {what}", hint=hint)
    return role


def account_of(form: re.Pattern[str], role: str) -> str:
    """The account in a role's text, the group `account` of its form; empty where it has another."""
    found = form.fullmatch(role)
    return found["account"] if found else ""


def least_policy(provider: str, purpose: str) -> str | None:
    """The policy of the provider's least privileges for a purpose, in one line; None where it has none."""
    from credentials import privileges

    known = privileges.load(provider).purposes.get(purpose)
    return json.dumps(known.policy, separators=(",", ":")) if known else None

"""From an opened credential to the account that dns-lexicon deletes with, by lexicon_accounts.toml."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from credentials.kinds import Kind
from credentials.secret import SecretBytes
from stacks.dns.lexicon import Account

TABLE = Path(__file__).with_name("lexicon_accounts.toml")


@dataclass(frozen=True, slots=True)
class Way:
    """One way in which lexicon takes a kind: its provider, the field for each option, and fixed options."""

    provider: str
    options: Mapping[str, str]
    constants: Mapping[str, str]

    def account(self, kind: Kind, fields: Mapping[str, SecretBytes]) -> Account | None:
        """The account; None where a field is missing, or a secret is given that lexicon has no use for.

        Temporary keys, for example, would be taken for others without their token.
        """
        values = {one.name: one.default for one in kind.fields if one.default is not None}
        values |= {name: value.reveal().decode() for name, value in fields.items()}
        secret = {one.name for one in kind.fields if one.secret and one.name in fields}
        used = set(self.options.values())
        if not used <= values.keys() or not secret <= used:
            return None
        return Account(
            self.provider, {**{each: values[name] for each, name in self.options.items()}, **self.constants}
        )


@cache
def ways() -> Mapping[str, tuple[Way, ...]]:
    """The ways of each kind that lexicon knows."""
    table = tomllib.loads(TABLE.read_text(encoding="utf-8"))
    return {
        kind: tuple(Way(each["provider"], each["options"], each.get("constants", {})) for each in listed)
        for kind, listed in table.items()
    }


def account_of(kind: Kind, fields: Mapping[str, SecretBytes]) -> Account | None:
    """The account at lexicon's provider; None where lexicon does not know the kind, or not this way of it."""
    found = (way.account(kind, fields) for way in ways().get(kind.name, ()))
    return next((one for one in found if one is not None), None)

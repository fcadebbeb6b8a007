"""Reads a privileges file and checks its schema: TOML, one file per provider, named as its kind.

label = "AWS"                     # for people
paste = "IAM, Policies, ..."      # where in the console a policy document goes
[purposes.apply]                  # apply, deploy or ecs
title = "Applying (DNS-01 challenge)"
privileges = ["..."]              # as the provider writes them: managed policies, actions, permissions
words = ["..."]                   # what each privilege is, in words, where its name does not say it
also = "..."                      # what is needed besides, depending on what is deployed to
note = "..."                      # what to know of the policy, or to fill in
form = "yaml"                     # how the document is written, where it is not JSON
[purposes.apply.policy]           # the document that grants them, in the provider's own form
[purposes.apply.calls]            # what is called, of what the policy grants; a test holds it to what is
begin = ["..."]                   # before the first record
publish = ["..."]
withdraw = ["..."]
[[purposes.apply.refused]]        # how the provider says that a permission is missing; the first that fits
says = "may not (?P<action>...)"  # a regular expression; the group names the permission
means = ["..."]                   # the permission, where the words don't; else it is one of `calls`
unseen = true                     # it says only that there is nothing, which may be so
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from credentials.privileges.refusals import DOINGS, Doing, Missing, Refusal, missing

PURPOSES: Final = ("apply", "deploy", "ecs")
_PROVIDER_KEYS: Final = {"label": str, "paste": str, "purposes": dict}
_REQUIRED: Final = {"title": str, "privileges": list, "policy": dict}
_OPTIONAL: Final = {"words": list, "also": str, "note": str, "form": str, "calls": dict, "refused": list}
_FORMS: Final = ("json", "yaml")
_CALLS: Final[Mapping[str, type]] = dict.fromkeys(DOINGS, list)
_REFUSED: Final = {"means": list, "unseen": bool}


class BadPrivilegesFile(ValueError):
    """A privileges file breaks the schema: a fault of this program's data, not of its user."""


@dataclass(frozen=True, slots=True)
class Purpose:
    """What one purpose needs: `privileges` as the provider names them, `policy` as its console takes it.

    `calls` are the actions that are called, by what is done; `refusals` how the provider refuses them.
    """

    name: str
    title: str
    privileges: tuple[str, ...]
    words: tuple[str, ...]
    also: str | None
    note: str | None
    policy: Mapping[str, Any]
    form: str
    calls: Mapping[str, tuple[str, ...]]
    refusals: tuple[Refusal, ...]

    def missing(self, said: str, doing: Doing) -> Missing | None:
        """The permission that the provider says is missing; None where it says something else."""
        return missing(said, self.refusals, self.calls, doing)

    def grants(self, actions: Iterable[str]) -> bool:
        """Whether each action is one of the privileges, or one that is called and so in the policy."""
        called = {action for those in self.calls.values() for action in those}
        return all(action in called or action in self.privileges for action in actions)

    def document(self) -> str:
        """The policy to paste, as JSON, or as YAML where the provider's are written so."""
        if self.form == "yaml":
            import yaml

            return yaml.safe_dump(self.policy, sort_keys=False).rstrip()
        return json.dumps(self.policy, indent=2, ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class LeastPrivileges:
    """A provider's purposes, by name in the order of PURPOSES; `paste` says where a policy goes."""

    provider: str
    label: str
    paste: str
    purposes: Mapping[str, Purpose]


def parse(provider: str, text: str) -> LeastPrivileges:
    """What a file of this name says; raises BadPrivilegesFile with the key at fault."""
    import tomllib  # here, because most commands read no privileges

    table = tomllib.loads(text)
    _check(provider, table, _PROVIDER_KEYS, {})
    if unknown := table["purposes"].keys() - set(PURPOSES):
        raise BadPrivilegesFile(f"{provider}: {min(unknown)} is no purpose")
    purposes = {
        name: _purpose(f"{provider}: {name}", name, table["purposes"][name])
        for name in PURPOSES
        if name in table["purposes"]
    }
    return LeastPrivileges(provider, table["label"], table["paste"], purposes)


def _purpose(where: str, name: str, table: dict[str, Any]) -> Purpose:
    _check(where, table, _REQUIRED, _OPTIONAL)
    privileges, words = tuple(table["privileges"]), tuple(table.get("words", ()))
    if words and len(words) != len(privileges):
        raise BadPrivilegesFile(f"{where}: words and privileges differ in number")
    if (form := table.get("form", "json")) not in _FORMS:
        raise BadPrivilegesFile(f"{where}: form is not one of {', '.join(_FORMS)}")
    calls = table.get("calls", {})
    _check(f"{where}: calls", calls, {}, _CALLS)
    return Purpose(
        name,
        table["title"],
        privileges,
        words,
        table.get("also"),
        table.get("note"),
        table["policy"],
        form,
        {doing: tuple(actions) for doing, actions in calls.items()},
        tuple(_refusal(f"{where}: refused", one) for one in table.get("refused", ())),
    )


def _refusal(where: str, table: dict[str, Any]) -> Refusal:
    _check(where, table, {"says": str}, _REFUSED)
    return Refusal(re.compile(table["says"]), tuple(table.get("means", ())), table.get("unseen", False))


def _check(
    where: str, table: Mapping[str, Any], required: Mapping[str, type], optional: Mapping[str, type]
) -> None:
    if missing := required.keys() - table.keys():
        raise BadPrivilegesFile(f"{where}: {min(missing)} is missing")
    for key, value in table.items():
        expected = {**required, **optional}.get(key)
        if expected is None:
            raise BadPrivilegesFile(f"{where}: {key} is unknown")
        if type(value) is not expected:
            raise BadPrivilegesFile(f"{where}: {key} is not a {expected.__name__}")

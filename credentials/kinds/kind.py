"""A kind of credential: its fields, what they must look like, and the variables that they fill."""

import difflib
import re
import unicodedata
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from credentials.errors import CredentialError
from credentials.kinds.server import is_server
from credentials.secret import SecretBytes

LONGEST_VALUE: Final = 65536
_LOOKS_LIKE_A_FIELD: Final = re.compile(r"[A-Za-z][A-Za-z_-]{0,39}")


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a kind. The reader of the kind files gives the meaning of each key, and its shape."""

    name: str
    label: str
    where_to_get: str
    secret: bool = False
    required: bool = False
    rotates: bool = False
    path: bool = False
    server: bool = False
    needs: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()
    pattern: str | None = None
    expects: str | None = None
    default: str | None = None
    env: tuple[str, ...] = ()
    lego: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()


class InvalidFields(CredentialError):
    """What was given for a credential can't be used; names every field at fault, and never a value."""

    def __init__(self, kind: "Kind", problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__(
            f"these fields make no {kind.name} credential: {'; '.join(problems)}",
            hint=f"see the fields: tic creds kinds --kind {kind.name}",
        )


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of credential, named as tic's providers are.

    `dns` is the DNS provider's name in lego, None where it is none (rfc2136 has a name there, and goes
    through tic's own client); `sequential` says that it must not hold two challenge records at once. Of
    `one_of`, exactly one group of fields is given.
    """

    name: str
    label: str
    where_to_get: str
    fields: tuple[Field, ...]
    dns: str | None = None
    sequential: bool = False
    one_of: tuple[tuple[str, ...], ...] = ()
    lego_constants: Mapping[str, str] = field(default_factory=dict)

    @property
    def publishes_records(self) -> bool:
        """Whether challenge records can be published with it."""
        return self.dns is not None

    def field(self, name: str) -> Field | None:
        """The field of this name."""
        return next((one for one in self.fields if one.name == name), None)

    def checked(self, given: Mapping[str, str]) -> dict[str, str]:
        """`given` without its empty values; raises InvalidFields with every fault at once."""
        problems = [*self._unknown(given), *self._malformed(given)]
        kept = {name: value for name, value in given.items() if value != ""}
        groups = self._groups_begun(kept)
        if self.one_of and not groups:
            problems.append(f"give {self.one_of_in_words()}")
        if len(groups) > 1:
            problems.append(f"give only {self.one_of_in_words()}")
        problems += [f"{one.name} is missing" for one in self.missing(kept)]
        if problems:
            raise InvalidFields(self, problems)
        return kept

    def missing(self, given: Collection[str]) -> tuple[Field, ...]:
        """The fields that must still be given when the fields named in `given` are, in the kind's order."""
        wanted = {one.name for one in self.fields if one.required}
        wanted.update(name for one in self.fields if one.name in given for name in one.needs)
        wanted.update(name for group in self._groups_begun(given) for name in group)
        return tuple(one for one in self.fields if one.name in wanted and one.name not in given)

    def undecided(self, given: Collection[str]) -> tuple[tuple[str, ...], ...]:
        """The groups of fields of which one must be given, as long as none is begun."""
        return () if self._groups_begun(given) else self.one_of

    def carried(self, given: Collection[str], before: Collection[str]) -> tuple[str, ...]:
        """Which fields of `before` a rotation keeps that gives the fields named in `given`.

        What is no secret stays as it is, unless it comes with the secret (a key's id) or belongs to another
        way of authenticating than the one that is given now.
        """
        left = {name for group in self.one_of for name in group} if self._groups_begun(given) else set()
        left -= {name for group in self._groups_begun(given) for name in group}
        return tuple(
            one.name
            for one in self.fields
            if one.name in before
            and one.name not in given
            and not (one.secret or one.rotates)
            and one.name not in left
        )

    def environment(self, fields: Mapping[str, SecretBytes]) -> dict[str, SecretBytes]:
        """What Pulumi's provider reads; empty for kinds that no third-party provider reads."""
        return {
            variable: fields[one.name] for one in self.fields if one.name in fields for variable in one.env
        }

    def lego_environment(self, fields: Mapping[str, SecretBytes]) -> dict[str, SecretBytes]:
        """What lego's DNS provider reads, and nothing that this kind does not declare."""
        constants = {name: SecretBytes(value.encode()) for name, value in self.lego_constants.items()}
        return constants | {
            variable: fields[one.name] for one in self.fields if one.name in fields for variable in one.lego
        }

    def from_environment(self, environ: Mapping[str, str]) -> dict[str, str]:
        """The fields that `environ` holds: under Pulumi's names, else lego's, else older ones."""
        found = {}
        for one in self.fields:
            value = next((environ[name] for name in self.variables(one) if environ.get(name)), None)
            if value is not None:
                found[one.name] = value
        return found

    def variables(self, one: Field) -> tuple[str, ...]:
        """Every environment variable that a field can come from, the first one first."""
        return tuple(dict.fromkeys((*one.env, *one.lego, *one.aliases)))

    def defaults(self) -> dict[str, str]:
        """The values of fields that were not given."""
        return {one.name: one.default for one in self.fields if one.default is not None}

    def unknown_field(self, name: str) -> str:
        """Why `name` is no field of this kind; a name that may be a value by mistake is not repeated."""
        if not _LOOKS_LIKE_A_FIELD.fullmatch(name):
            return "one name is no field of it"
        names = [one.name for one in self.fields]
        close = difflib.get_close_matches(re.sub(r"(?<=[a-z])(?=[A-Z])|_", "-", name).lower(), names, n=1)
        return f"{name} is no field of it" + (f" (did you mean {close[0]}?)" if close else "")

    def one_of_in_words(self) -> str:
        """Which fields are given instead of which others."""
        return ", or ".join(" and ".join(group) for group in self.one_of)

    def _groups_begun(self, given: Collection[str]) -> tuple[tuple[str, ...], ...]:
        return tuple(group for group in self.one_of if any(name in given for name in group))

    def _unknown(self, given: Mapping[str, str]) -> Iterator[str]:
        for name in given:
            if self.field(name) is None:
                yield self.unknown_field(name)

    def _malformed(self, given: Mapping[str, str]) -> Iterator[str]:
        for one in self.fields:
            if given.get(one.name, "") == "":
                continue
            fault = fault_of(one, given[one.name])
            if fault:
                yield f"{one.name} {fault}"


def fault_of(one: Field, value: object) -> str | None:
    """What is wrong with a field's value, in words that do not repeat it; None if nothing is."""
    if not isinstance(value, str):
        return "is not text"
    if len(value) > LONGEST_VALUE:
        return f"has {len(value)} characters ({LONGEST_VALUE} at most)"
    for character in value:
        category = unicodedata.category(character)
        if category == "Cs":
            return "is not valid Unicode (it holds half of a surrogate pair)"
        if category == "Cc":
            return f"holds a control character (U+{ord(character):04X})"
    if one.choices and value not in one.choices:
        return f"must be {' or '.join(one.choices)}"
    if one.pattern is not None and not re.fullmatch(one.pattern, value):
        return f"must be {one.expects}"
    if one.path and not value.startswith("/"):
        return "must be an absolute path"
    if one.server and not is_server(value):
        return "must be a host or host:port (ports 1 to 65535), an IPv6 address with a port in brackets"
    return None

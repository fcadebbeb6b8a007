"""A kind of credential: its fields, what they must look like, and the variables that they fill."""

import difflib
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from credentials.errors import CredentialError
from credentials.kinds.delivery import BuiltFile, Constants, DeliveredFile
from credentials.kinds.field import Field, fault_of
from credentials.secret import SecretBytes

_LOOKS_LIKE_A_FIELD: Final = re.compile(r"[A-Za-z][A-Za-z_-]{0,39}")


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

    `purpose` says what it is for, the first of them first (one of PURPOSES in the reader). `dns` is the DNS
    provider's name in lego, None where it is none (rfc2136 has a name there, and goes through tic's own
    client); `sequential` says that it must not hold two challenge records at once. Of `one_of`, exactly one
    group of fields is given.
    """

    name: str
    label: str
    where_to_get: str
    purpose: tuple[str, ...]
    fields: tuple[Field, ...]
    dns: str | None = None
    sequential: bool = False
    one_of: tuple[tuple[str, ...], ...] = ()
    built: tuple[BuiltFile, ...] = ()
    constants: tuple[Constants, ...] = ()

    @property
    def group(self) -> str:
        """What it is for in the first place, as listings group it."""
        return self.purpose[0]

    @property
    def publishes_records(self) -> bool:
        """Whether challenge records can be published with it."""
        return self.dns is not None

    def field(self, name: str) -> Field | None:
        """The field of this name."""
        return next((one for one in self.fields if one.name == name), None)

    def checked(self, given: Mapping[str, str]) -> dict[str, str]:
        """`given` without its empty values.

        Raises InvalidFields with every fault at once, and UnfitFile where they make a file that no program
        could read.
        """
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
        self._check_files(kept)
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
        way of authenticating than the one that is given now; so does what lego added to.
        """
        left = self._other_ways(given)
        return tuple(
            one.name
            for one in self.fields
            if one.name in before
            and one.name not in given
            and (one.grows or not (one.secret or one.rotates))
            and one.name not in left
        )

    def environment(self, fields: Mapping[str, SecretBytes]) -> dict[str, SecretBytes]:
        """The plain variables that Pulumi's provider, and programs, read; empty where nothing reads any."""
        constants = self._constants("env", fields)
        return constants | {
            variable: fields[one.name] for one in self.fields if one.name in fields for variable in one.env
        }

    def lego_environment(self, fields: Mapping[str, SecretBytes]) -> dict[str, SecretBytes]:
        """What lego's DNS provider reads, and nothing that this kind does not declare."""
        constants = self._constants("lego", fields)
        return constants | {
            variable: fields[one.name] for one in self.fields if one.name in fields for variable in one.lego
        }

    def files(self, fields: Mapping[str, SecretBytes]) -> tuple[DeliveredFile, ...]:
        """The private files that programs read besides `environment`, none with content that is not given.

        Raises what a builder of `credentials.files` raises for fields that make no such file.
        """
        plain = tuple(
            DeliveredFile(one.file_name or one.name, fields[one.name], one.file_env)
            for one in self.fields
            if one.file_env and one.name in fields
        )
        built = [one for one in self.built if all(name in fields for name in one.needs)]
        if not built:
            return plain
        from credentials.files import build  # here, because few kinds build a file

        return plain + tuple(
            DeliveredFile(one.name, build(one.builds, fields), one.env, one.folder) for one in built
        )

    def lego_files(self, fields: Mapping[str, SecretBytes]) -> tuple[DeliveredFile, ...]:
        """The private files that lego's DNS provider reads, or adds to, besides `lego_environment`."""
        return tuple(
            DeliveredFile(one.file_name or one.name, fields.get(one.name, SecretBytes(b"")), one.file_lego)
            for one in self.fields
            if one.file_lego
            and (one.name in fields or one.grows)
            and not any(n in fields for n in one.unless)
        )

    @property
    def lego_constants(self) -> frozenset[str]:
        """The variables that lego gets and no field fills."""
        return frozenset(name for one in self.constants for name in one.lego)

    @property
    def lego_variables(self) -> frozenset[str]:
        """Every variable that lego may get with a credential of this kind, those with a file's path too."""
        fields = frozenset(name for one in self.fields for name in (*one.lego, *one.file_lego))
        return self.lego_constants | fields

    def from_environment(self, environ: Mapping[str, str]) -> dict[str, str]:
        """The fields that `environ` holds: under Pulumi's names, else lego's, else older ones."""
        found = {}
        for one in self.fields:
            value = next((environ[name] for name in one.variables if environ.get(name)), None)
            if value is not None:
                found[one.name] = value
        return found

    def defaults(self) -> dict[str, str]:
        """The values of fields that were not given; what only tunes a provider is left to the provider."""
        return {one.name: one.default for one in self.fields if one.default is not None and not one.tuning}

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

    def _other_ways(self, given: Collection[str]) -> set[str]:
        """The fields of the ways of authenticating that are not the one that is given now."""
        begun = self._groups_begun(given)
        if not begun:
            return set()
        left = {name for group in self.one_of if group not in begun for name in group}
        return left | {one.name for one in self.fields if left.intersection(one.needs)}

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

    def _check_files(self, given: Mapping[str, str]) -> None:
        fields = {name: SecretBytes(value.encode()) for name, value in given.items()}
        if made := [*self.files(fields), *self.lego_files(fields)]:
            from credentials.files import check  # here, because few kinds make a file

            for file in made:
                check(file.name, file.content)

    def _constants(self, target: Literal["env", "lego"], given: Collection[str]) -> dict[str, SecretBytes]:
        applying = [one for one in self.constants if one.apply_to(given)]
        chosen = [one.env if target == "env" else one.lego for one in applying]
        return {name: SecretBytes(value.encode()) for each in chosen for name, value in each.items()}

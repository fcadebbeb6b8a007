"""What one part of a kind file says of another: fields that are named, variables that are filled."""

from collections import Counter
from collections.abc import Iterator

from credentials.kinds.field import fault_of
from credentials.kinds.kind import Kind
from credentials.kinds.schema import BadKindFile


def check_references(kind: Kind) -> None:
    """Raise BadKindFile unless the parts of `kind` fit together."""
    fault = next(_faults(kind), None)
    if fault:
        raise BadKindFile(f"{kind.name}: {fault}")


def _faults(kind: Kind) -> Iterator[str]:
    names = [one.name for one in kind.fields]
    if name := _twice(names):
        yield f"{name} is a field that stands there twice"
    for name in sorted(_mentioned(kind) - set(names)):
        yield f"{name} is no field"
    if name := _twice([name for group in kind.one_of for name in group]):
        yield f"{name} stands in two groups of one-of"
    if variable := _twice([variable for one in kind.fields for variable in one.variables]):
        yield f"two fields share a variable, {variable}"
    if any(one.lego or one.file_lego for one in kind.fields) and kind.dns is None:
        yield "it has variables for lego and no DNS provider"
    if (kind.dns is None) == ("dns" in kind.purpose):
        yield "dns and the purpose dns come together"
    yield from _faults_of_files(kind)
    for one in kind.fields:
        if one.default is not None and (fault := fault_of(one, one.default)):
            yield f"the default of {one.name} {fault}"
        if one.secret and one.default is not None:
            yield f"{one.name} is a secret with a default"
        if (one.grows or one.unless) and not one.file_lego:
            yield f"{one.name} is in no file of lego's"


def _faults_of_files(kind: Kind) -> Iterator[str]:
    plain = {variable for one in kind.fields for variable in one.variables}
    paths = {variable for one in kind.fields for variable in one.file_variables}
    paths.update(variable for one in kind.built for variable in one.env)
    if shared := plain & paths:
        yield f"{min(shared)} is both a value and a path"
    if name := _twice([one.file_name for one in kind.fields if one.file_name is not None]):
        yield f"two fields share a file name, {name}"
    if name := _twice([one.name for one in kind.built]):
        yield f"two files share a name, {name}"


def _mentioned(kind: Kind) -> set[str]:
    """The fields that are named anywhere but in their own table."""
    lists = [
        *(one.needs for one in kind.fields),
        *(one.unless for one in kind.fields),
        *kind.one_of,
        *(one.needs for one in kind.built),
        *(one.when for one in kind.constants),
    ]
    return {name for each in lists for name in each}


def _twice(values: list[str]) -> str | None:
    return next((value for value, count in Counter(values).items() if count > 1), None)

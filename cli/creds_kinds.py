"""`tic creds kinds`: the catalogue on stdout, and what each kind wants."""

import sys
import textwrap
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli import table
from cli.creds_input import BadInput
from cli.telling import print_json

if TYPE_CHECKING:
    from credentials.kinds import Field, Kind, Succession

_WIDTH = 80


def register(app: typer.Typer) -> None:
    """Add the view to `tic creds`."""
    app.command("kinds")(show_kinds)


def show_kinds(
    kind: Annotated[
        str | None,
        typer.Option("--kind", metavar="PROVIDER", help="Only this one, with its fields; older names too."),
    ] = None,
    group: Annotated[
        str | None,
        typer.Option(
            "--group",
            metavar="GROUP",
            help="Only those for: cloud, dns, cluster, registry, build, im, basic, ca.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON on stdout.")] = False,
) -> None:
    """The kinds of credentials (--provider), and the fields of one."""
    if kind is not None and group is not None:
        raise BadInput("--kind names one kind, and --group several", hint="give one of the two")
    if kind is not None:
        _one(kind, as_json=as_json)
    else:
        _several(group, as_json=as_json)


def _one(name: str, *, as_json: bool) -> None:
    from credentials import kinds

    former = kinds.former(name)
    if former is not None and not former.same:
        print_json(_former_as_json(former)) if as_json else _show_former(former)
        return
    kind = kinds.load(name)
    if as_json:
        print_json(_as_json(kind))
        return
    if former is not None:
        _write(f"{former.name} is {kind.name}: {former.because}")
        sys.stdout.write("\n")
    _show(kind)


def _several(group: str | None, *, as_json: bool) -> None:
    from credentials import kinds

    if group is not None and group not in kinds.PURPOSES:
        raise BadInput(
            f"there is no group {group[:64]!r} of kinds", hint=f"choose one of: {', '.join(kinds.PURPOSES)}"
        )
    every = [kinds.load(name) for name in kinds.names()]
    chosen = [one for one in every if group is None or group in one.purpose]
    chosen.sort(key=lambda one: kinds.PURPOSES.index(one.group))
    if as_json:
        print_json([_as_json(one) for one in chosen])
        return
    table.write(
        ("PROVIDER", "GROUP", "DNS", "WHAT IT IS"),
        [(one.name, one.group, "yes" if one.publishes_records else "-", one.label) for one in chosen],
    )
    sys.stderr.write("  next: tic creds kinds --kind PROVIDER\n")


def _show_former(former: "Succession") -> None:
    from credentials import kinds

    _write(f"{former.name}: {former.label}")
    _write(former.because)
    if former.succeeded_by is None:
        sys.stderr.write("  next: tic creds kinds --group dns\n")
        return
    _write(f"Use {former.succeeded_by} instead:")
    sys.stdout.write("\n")
    _show(kinds.load(former.succeeded_by))


def _show(kind: "Kind") -> None:
    _write(f"{kind.name}: {kind.label}")
    sys.stdout.write(f"get it from: {kind.where_to_get}\n")
    if kind.one_of:
        _write(f"give {kind.one_of_in_words()}")
    for one in kind.fields:
        if not one.tuning:
            _show_field(kind, one)
    if tuning := [one for one in kind.fields if one.tuning]:
        sys.stdout.write("\nAll that follows is optional, and never asked for: --field NAME=VALUE\n")
        for one in tuning:
            _show_field(kind, one)
    sys.stderr.write(f"  next: tic creds new NAME --provider {kind.name}\n")


def _show_field(kind: "Kind", one: "Field") -> None:
    sys.stdout.write("\n")
    _write(f"{one.name} ({'secret, ' if one.secret else ''}{_given(kind, one)})")
    _write(one.label, indent="    ")
    if one.where_to_get != kind.where_to_get:
        sys.stdout.write(f"    get it from: {one.where_to_get}\n")
    if one.choices:
        _write(f"one of: {', '.join(one.choices)}", indent="    ")
    if one.variables:
        _write(f"--from-env: {', '.join(one.variables)}", indent="    ")
    if one.file_variables:
        _write(f"--from-env, the path of a file: {', '.join(one.file_variables)}", indent="    ")


def _given(kind: "Kind", field: "Field") -> str:
    if field.required:
        return "always"
    beside = [name for group in kind.one_of if field.name in group for name in group if name != field.name]
    if beside or field.needs:
        return f"with {' and '.join((*beside, *field.needs))}"
    return f"default: {field.default}" if field.default else "optional"


def _write(text: str, *, indent: str = "") -> None:
    """A line, or several where the text is longer than a narrow terminal."""
    for line in textwrap.wrap(
        text, _WIDTH, initial_indent=indent, subsequent_indent=indent + "  ", break_long_words=False
    ):
        sys.stdout.write(line + "\n")


def _former_as_json(former: "Succession") -> dict[str, Any]:
    return {
        "name": former.name,
        "label": former.label,
        "because": former.because,
        "succeeded_by": former.succeeded_by,
    }


def _as_json(kind: "Kind") -> dict[str, Any]:
    return {
        "name": kind.name,
        "label": kind.label,
        "where_to_get": kind.where_to_get,
        "group": kind.group,
        "purpose": kind.purpose,
        "dns": kind.dns,
        "sequential": kind.sequential,
        "one_of": kind.one_of,
        "fields": [_field_as_json(one) for one in kind.fields],
    }


def _field_as_json(one: "Field") -> dict[str, Any]:
    return {
        "name": one.name,
        "label": one.label,
        "secret": one.secret,
        "required": one.required,
        "multiline": one.multiline,
        "tuning": one.tuning,
        "needs": one.needs,
        "choices": one.choices,
        "expects": one.expects,
        "default": one.default,
        "path": one.path,
        "variables": one.variables,
        "file_variables": one.file_variables,
        "where_to_get": one.where_to_get,
    }

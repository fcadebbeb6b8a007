"""Writes docs/kinds.md from the catalogue: `python -m scripts.kinds_page` in the project's folder."""

from pathlib import Path
from typing import Final

from credentials import kinds
from credentials.kinds import Kind

PAGE: Final = Path(__file__).parent.parent / "docs" / "kinds.md"
HEAD: Final = """# Kinds of credentials

Written by `python -m scripts.kinds_page` from the kind files. `tic creds kinds --kind KIND` says the same and
more about one kind: every field, where to get it, and the variables that `--from-env` takes it from. *Or*
separates ways of which one is given; each DNS provider takes its timing as well (`ttl`, `polling-interval`,
`propagation-timeout`, `http-timeout`, `sequence-interval`, as far as it has them).

| kind | what it is | for | what is needed |
|---|---|---|---|
"""
OTHERS: Final = """
## Other names

What these answer with, where the list of DNS providers of lego, or a provider itself, once said otherwise.

| name | was | now | why |
|---|---|---|---|
"""


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8")


def page() -> str:
    """The page's text."""
    every = sorted(map(kinds.load, kinds.names()), key=lambda one: kinds.PURPOSES.index(one.group))
    return HEAD + "".join(map(_row, every)) + OTHERS + "".join(map(_other, kinds.former_names()))


def _row(kind: Kind) -> str:
    ways = kind.one_of or ((),)
    needed = " *or* ".join(_fields(kind, way) for way in ways)
    return f"| `{kind.name}` | {kind.label} | {', '.join(kind.purpose)} | {needed} |\n"


def _fields(kind: Kind, way: tuple[str, ...]) -> str:
    given = set(way)
    while missing := kind.missing(given):
        given.update(one.name for one in missing)
    return ", ".join(f"`{one.name}`" for one in kind.fields if one.name in given)


def _other(name: str) -> str:
    former = kinds.former(name)
    assert former is not None  # noqa: S101 - it is one of their names
    now = f"`{former.succeeded_by}`" if former.succeeded_by else "nothing"
    return f"| `{name}` | {former.label} | {now} | {former.because} |\n"


if __name__ == "__main__":
    main()

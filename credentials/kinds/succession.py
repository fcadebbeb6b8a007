"""A name that is no kind any more, or never was one: what answers to it, and why."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Succession:
    """Another name. `same` says that the successor takes the very same fields, so the name still works.

    `succeeded_by` is None where nothing took the place of what died.
    """

    name: str
    label: str
    because: str
    succeeded_by: str | None
    same: bool

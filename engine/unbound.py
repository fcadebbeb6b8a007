"""A run whose program uses a provider that its stack is bound to nothing for: what failed, and the way out.

The program is not asked beforehand: it may give its provider a credential by itself, from its configuration.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Final

from engine.events import Diagnostic, Notice
from engine.packages import kind_of, package_of

if TYPE_CHECKING:
    from engine.bindings import Binding
    from engine.installation import Installation
    from engine.state.stacks import Stack

# `alicloud:dns/alidnsRecord:AlidnsRecord`, and `pulumi:providers:alicloud`
_TOKEN: Final = re.compile(r"pulumi:providers:[a-z0-9-]+|\b[a-z][a-z0-9-]*:[A-Za-z0-9_/-]+:[A-Za-z]\w*")


def found(
    installation: "Installation", stack: "Stack", bound: "Sequence[Binding]", errors: Sequence[Diagnostic]
) -> list[Notice]:
    """The notices for what a run failed with; the vault is asked only if something did."""
    from engine.bindings import active_kinds

    if not errors:
        return []
    with installation.database.read() as connection:
        serving = active_kinds(connection)
    return list(notices(stack.full_name, bound, errors, serving))


def notices(
    stack: str, bound: "Sequence[Binding]", errors: Iterable[Diagnostic], serving: Collection[str]
) -> Iterator[Notice]:
    """One notice for each provider that failed without a credential of the stack (SPEC A1).

    `serving` are the kinds that have an Active credential or an enabled role.
    """
    served = {each.key for each in bound}
    kinds = dict.fromkeys(kind for error in errors for kind in _kinds(error))
    for kind in kinds:
        if kind not in served:
            yield Notice(_said(stack, kind, bound, in_vault=kind in serving), "warning")


def _said(stack: str, kind: str, bound: "Sequence[Binding]", *, in_vault: bool) -> str:
    from credentials import roles

    slots = [each.slot for each in bound if each.provider == kind]
    what = (
        f"of {kind} it has {', '.join(slots)} alone, for instances that say so"
        if slots
        else (f"stack {stack} is bound to nothing for {kind}")
    )
    bind = f"tic stack bind {stack} --provider {kind}"
    if in_vault:
        way = f"bind what the vault has for it: {bind}; or a certain one: tic stack bind {stack} CREDENTIAL"
    else:
        way = f"add a credential: tic creds new NAME --provider {kind}"
        if kind in roles.names():
            way += f"; or link its role, which needs no key: tic role enable {kind} --role ROLE"
        way += f"; then bind it: {bind}"
    return f"{what}, so its provider got no credential: {way}"


def _kinds(error: Diagnostic) -> Iterator[str]:
    """The kinds whose providers an error is about: of its resource, or named in it."""
    parts = error.urn.split("::")
    own = [parts[2].rpartition("$")[2]] if len(parts) > 3 else []
    for type_ in (*own, *_TOKEN.findall(error.message)):
        kind = kind_of(package_of(type_))
        if kind is not None:
            yield kind

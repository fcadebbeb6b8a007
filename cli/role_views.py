"""`tic role status`, `services` and `policy`: what is linked, what it reaches, what it must be allowed."""

import json
import sys
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli import table
from cli.creds_input import BadInput
from cli.creds_views import moment, span
from cli.printable import printable
from cli.telling import print_json

if TYPE_CHECKING:
    from credentials.roles import Role
    from credentials.vault import Vault
    from engine.role_linking import Checked

WATCH_SECONDS = 30  # a role that was deleted shows within a minute (SPEC A4)
AsJson = Annotated[bool, typer.Option("--json", help="As JSON.")]
STATES = {"authorizing": "Authorizing", "enabled": "Enabled", "failed": "Authorization failed"}


def register(app: typer.Typer) -> None:
    """Add the commands to `tic role`."""
    app.command("status")(status)
    app.command("services")(show_services)
    app.command("policy")(show_policy)


def status(
    provider: Annotated[
        str | None, typer.Argument(metavar="PROVIDER", help="Only this one; else every linked role.")
    ] = None,
    watch: Annotated[
        bool, typer.Option("--watch", help="Look again and again, and say what changed, until Ctrl-C.")
    ] = False,
    every: Annotated[
        int,
        typer.Option("--every", metavar="SECONDS", min=1, max=WATCH_SECONDS, help="How often, with --watch."),
    ] = WATCH_SECONDS,
    as_json: AsJson = False,
) -> None:
    """Take every linked role on, and show what came of it; exit code 1 if one can't be."""
    from engine import role_linking
    from engine.installation import Installation

    vault = Installation.find().vault
    chosen = (
        [role_linking.own_name(provider)]
        if provider is not None
        else [one.role.provider for one in vault.linked.all()]
    )
    if provider is not None:
        vault.linked.find(chosen[0])
    if not chosen and not as_json:
        sys.stderr.write("no role is linked\n  next: tic role enable PROVIDER --role ROLE\n")
        return
    if watch:
        _watch(vault, chosen, every, as_json=as_json)
        return
    found = _checked(vault, chosen)
    if as_json:
        print_json([_as_json(vault, one) for one in found])
    else:
        _show(vault, found)
    if any(one.hint is not None for one in found):
        raise typer.Exit(1)


def show_services(
    provider: Annotated[
        str | None, typer.Argument(metavar="PROVIDER", help="Only this one; else all of them.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """The services that a provider's role is for."""
    from credentials import roles
    from credentials.roles.services import services
    from engine import role_linking

    chosen = [role_linking.own_name(provider)] if provider is not None else list(roles.names())
    if as_json:
        rows = [(name, one) for name in chosen for one in services(name)]
        print_json(
            [
                {
                    "provider": name,
                    "service": one.name,
                    "label": one.label,
                    "purposes": one.purposes,
                    "policies": one.policies,
                    "actions": one.actions,
                }
                for name, one in rows
            ]
        )
        return
    table.write(
        ("PROVIDER", "SERVICE", "FOR", "WHAT IT IS", "POLICIES"),
        [
            (name, one.name, ", ".join(one.purposes), one.label, ", ".join(one.policies) or "-")
            for name in chosen
            for one in services(name)
        ],
    )
    sys.stderr.write(f"  next: tic role policy {chosen[0]} --trust\n")


def show_policy(
    provider: Annotated[str, typer.Argument(metavar="PROVIDER", help="Such as tencentcloud or aws.")],
    trust: Annotated[
        bool, typer.Option("--trust", help="The trust policy: who may take the role on.")
    ] = False,
    purpose: Annotated[
        str | None,
        typer.Option("--for", metavar="apply|deploy", help="What the role may do, for this purpose."),
    ] = None,
) -> None:
    """The documents to give the role in the cloud's console: whom it trusts, and what it may do."""
    from credentials import privileges, roles
    from engine import role_linking
    from engine.installation import Installation

    name = role_linking.own_name(provider)
    module, known = roles.provider(name), privileges.load(name)
    if trust == (purpose is not None):
        raise BadInput(
            "say which document: the trust policy, or what the role may do",
            hint=f"tic role policy {name} --trust; or: "
            f"tic role policy {name} --for {next(iter(known.purposes))}",
        )
    if purpose is not None:
        if purpose not in known.purposes:
            raise privileges.NoPurpose(known, purpose)
        sys.stdout.write(known.purposes[purpose].document() + "\n")
        sys.stderr.write(f"  next: paste it at {module.console(None)}\n")
        return
    vault = Installation.find().vault
    role = role_linking.linked_or_likely(vault, name)
    account = _source_account(vault, role)
    sys.stdout.write(module.trust_policy(role, account) + "\n")
    sys.stderr.write(f"  next: paste it at {printable(module.console(role if role.role else None))}\n")


def source_in_words(vault: "Vault", role: "Role") -> str:
    """Who takes a role on, for a person."""
    source = role.source
    if source.kind == "metadata":
        return "this machine's own identity (metadata service)"
    if source.kind == "oidc":
        return f"the OIDC token in {source.token_file}"
    return f"the credential {vault.find(source.credential or '').name}"


def _source_account(vault: "Vault", role: "Role") -> str | None:
    """The account that the source belongs to, asked of the provider where a credential is the source."""
    from credentials.identity import IdentityError, verify

    if role.source.credential is None:
        return None
    opened = vault.opened(role.source.credential, purpose="verify")
    try:
        return verify(role.provider, opened.fields).account or None
    except IdentityError as error:
        sys.stderr.write(f"  note: whose account the source is could not be asked: {printable(str(error))}\n")
        return None


def _checked(vault: "Vault", providers: Sequence[str]) -> "list[Checked]":
    from engine import role_linking

    return role_linking.checked(vault, providers)


def _watch(vault: "Vault", providers: Sequence[str], every: int, *, as_json: bool) -> None:
    """One line for each role at first, and for each change from then on, until Ctrl-C."""
    before: dict[str, tuple[str, str | None]] = {}
    for found in _rounds(vault, providers, every):
        for checked in found:
            one = checked.linked
            now = (one.state.value, one.problem)
            if before.get(one.role.provider) == now:
                continue
            before[one.role.provider] = now
            if as_json:
                sys.stdout.write(json.dumps(_as_json(vault, checked)) + "\n")
            else:
                stamp = moment(one.checked_at)
                said = f"{stamp}  {one.role.provider}  {STATES[one.state.value]}"
                sys.stdout.write(printable(said + (f": {one.problem}" if one.problem else "")) + "\n")
                if checked.hint:
                    sys.stderr.write(printable(f"  next: {checked.hint}") + "\n")
            sys.stdout.flush()


def _rounds(vault: "Vault", providers: Sequence[str], every: int) -> "Iterator[list[Checked]]":
    while True:
        begun = time.monotonic()
        yield _checked(vault, providers)
        time.sleep(max(0.0, every - (time.monotonic() - begun)))


def _show(vault: "Vault", found: "Sequence[Checked]") -> None:
    now = time.time()
    table.write(
        ("PROVIDER", "STATE", "ACCOUNT", "TAKEN ON BY", "CHECKED", "STACKS", "ROLE"),
        [
            (
                one.role.provider,
                STATES[one.state.value],
                one.account or "-",
                one.role.source.kind,
                span(one.checked_at, now),
                ", ".join(vault.linked.stacks(one.role.provider)) or "-",
                one.role.role,
            )
            for one in (checked.linked for checked in found)
        ],
    )
    for checked in found:
        if checked.hint is not None:
            one = checked.linked
            sys.stderr.write(printable(f"\n{one.role.provider}: {one.problem}") + "\n")
            sys.stderr.write(printable(f"  next: {checked.hint}") + "\n")


def _as_json(vault: "Vault", checked: "Checked") -> dict[str, Any]:
    linked, role = checked.linked, checked.linked.role
    return {
        "provider": role.provider,
        "state": linked.state.value,
        "role": role.role,
        "external_id": role.external_id,
        "source": role.source.kind,
        "source_credential": role.source.credential,
        "token_file": role.source.token_file,
        "session_seconds": role.session_seconds,
        "settings": dict(role.settings),
        "account": linked.account,
        "principal": linked.principal,
        "problem": linked.problem,
        "next": checked.hint,
        "checked_at": moment(linked.checked_at),
        "stacks": vault.linked.stacks(role.provider),
    }

"""`tic role`: link a provider's role, so that stacks need no keys; `role_views` shows what is linked."""

from typing import TYPE_CHECKING, Annotated

import typer

from cli import role_views
from cli.consent import confirm
from cli.creds_input import BadInput
from cli.telling import say

if TYPE_CHECKING:
    from credentials.role_store import LinkedRole
    from credentials.roles import NotAssumed, Role
    from credentials.vault import Vault

app = typer.Typer(
    name="role",
    help="Linked roles: authorization of a provider without keys.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
role_views.register(app)

WAIT_SECONDS = 900
Provider = Annotated[str, typer.Argument(metavar="PROVIDER", help="Such as tencentcloud or aws.")]
RoleText = Annotated[
    str | None, typer.Option("--role", metavar="ROLE", help="Its ARN, or what stands for one there.")
]
ExternalId = Annotated[
    str | None,
    typer.Option("--external-id", metavar="ID", help="What its trust policy wants to hear; else tic's own."),
]
SourceText = Annotated[
    str | None,
    typer.Option(
        "--source",
        metavar="SOURCE",
        help="Who takes it on: metadata, oidc[:FILE] or credential:NAME; else what is found.",
    ),
]
Seconds = Annotated[
    int | None, typer.Option("--session", metavar="SECONDS", help="How long its temporary credentials last.")
]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="A setting of the provider's; may be repeated."),
]
Wait = Annotated[
    bool, typer.Option("--wait", help=f"Try until it works, for {WAIT_SECONDS // 60} minutes at most.")
]


@app.command()
def enable(
    provider: Provider,
    role: RoleText = None,
    external_id: ExternalId = None,
    source: SourceText = None,
    session: Seconds = None,
    settings: Settings = None,
    wait: Wait = False,
) -> None:
    """Link a role: it is Enabled once it was really taken on."""
    from engine import role_linking
    from engine.installation import Installation

    vault = Installation.find().vault
    wanted = role_linking.Wanted(provider, role, external_id, source, session, _settings(settings or ()))
    _enable(vault, role_linking.describe(vault, wanted), wait=wait)


@app.command()
def reauthorize(provider: Provider, wait: Wait = False) -> None:
    """Take a linked role on again, after its authorization failed; no stack is edited."""
    from engine import role_linking
    from engine.installation import Installation

    vault = Installation.find().vault
    linked = vault.linked.find(role_linking.own_name(provider))
    if wait:
        _enable(vault, linked.role, wait=True)
        return
    now = role_linking.attempt(vault, linked.role.provider)
    say(f"the role of {now.role.provider} is Enabled again: {_taken_on(now)}")
    _say_stacks(vault, now.role.provider)


@app.command()
def disable(
    provider: Provider, yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False
) -> None:
    """Unlink a role; refused while a stack uses it. In the cloud the role stays."""
    from credentials import roles
    from engine import role_linking
    from engine.installation import Installation

    vault = Installation.find().vault
    linked = vault.linked.check_unlink(role_linking.own_name(provider))
    name = linked.role.provider
    confirm(
        f"disable the role {linked.role.role} of {name}?",
        f"disabling the role of {name} takes it from new stacks",
        f"tic role disable {name} --yes",
        yes=yes,
    )
    vault.linked.unlink(name)
    say(f"the role of {name} is disabled; new stacks that need {name} use its Active credential")
    say(f"  the role itself is still there: {linked.role.role}")
    say(f"  to delete it: {roles.provider(name).console(linked.role)}")


def _enable(vault: "Vault", role: "Role", *, wait: bool) -> None:
    from credentials.roles import NotAssumed
    from engine import role_linking

    say(f"linking {role.role} of {role.provider}, taken on by {role_views.source_in_words(vault, role)}")

    def waiting(error: "NotAssumed") -> None:
        say(f"  not yet: {error.told}")
        say(f"    {error.hint}")
        say("  waiting for it; Ctrl-C ends the wait, and the role stays Authorizing")

    try:
        now = role_linking.enable(vault, role, wait_seconds=WAIT_SECONDS if wait else 0, waiting=waiting)
    except NotAssumed as error:
        if error.reason in role_linking.WAITED_FOR:
            _say_what_to_create(vault, role)
        raise
    say(f"the role of {role.provider} is Enabled: {_taken_on(now)}")
    if leftover := [view for view in vault.list() if view.credential.kind == role.provider]:
        names = ", ".join(view.credential.name for view in leftover)
        say(f"  credentials of {role.provider} are still there: {names}")
        say(f"  their stacks use them; to delete them and use the role: tic creds clear {role.provider}")
    say(f"  next: tic stack new NAME --provider {role.provider}")


def _say_what_to_create(vault: "Vault", role: "Role") -> None:
    """What the cloud must have, for whoever makes it there."""
    from credentials import roles

    module = roles.provider(role.provider)
    say("")
    say(f"make this in {module.LABEL}: {module.console(None)}")
    say(f"  a role:              {role.role}")
    if role.external_id:
        say(f"  with external id:    {role.external_id}")
    say(f"  its trust policy:    tic role policy {role.provider} --trust")
    say(f"  what it may do:      tic role policy {role.provider} --for apply (or deploy)")
    say(f"  then:                tic role enable {role.provider} --wait")
    say("")


def _settings(given: list[str] | tuple[str, ...]) -> dict[str, str]:
    settings = {}
    for number, one in enumerate(given, 1):
        name, equals, value = one.partition("=")
        if not (name and equals and value):
            raise BadInput(f"--set number {number} is not NAME=VALUE", hint="write it as --set region=REGION")
        settings[name] = value
    return settings


def _taken_on(linked: "LinkedRole") -> str:
    account = f" in account {linked.account}" if linked.account else ""
    return f"it was taken on as {linked.principal or linked.role.role}{account}"


def _say_stacks(vault: "Vault", provider: str) -> None:
    stacks = vault.linked.stacks(provider)
    say(
        f"  it serves: {', '.join(stacks)}" if stacks else f"  next: tic stack new NAME --provider {provider}"
    )

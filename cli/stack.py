"""`tic stack`: make, run and change stacks; `stack_views` shows them."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from cli import stack_config, stack_moves, stack_run, stack_sharing, stack_views
from cli.consent import confirm
from cli.stack_options import Yes, choose
from cli.telling import say
from engine.errors import EngineError

app = typer.Typer(
    name="stack",
    help="Stacks: make, run, show and destroy them.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
stack_run.register(app)
stack_views.register(app)
stack_sharing.register(app)
stack_moves.register(app)
app.add_typer(stack_config.app)


class Usage(EngineError):
    """The command line asks for something that can't be done as asked."""

    exit_code = 2


@app.command()
def new(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="The stack's name; with a template also its project's.")
    ],
    template: Annotated[
        str | None,
        typer.Option("--template", help="Write this project first: certificate, alicloud or tencentcloud."),
    ] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="key=value for Pulumi.NAME.yaml; lists as JSON.")
    ] = None,
    provider: Annotated[
        list[str] | None, typer.Option("--provider", help="A provider that the stack needs; may be repeated.")
    ] = None,
    folder: Annotated[
        Path | None, typer.Option("--dir", help="The project's folder (with a template: ./NAME).")
    ] = None,
) -> None:
    """Make a stack, bound to the Active credential of each provider that it needs."""
    from engine import bindings, creation, program_packages, project, sandbox_settings
    from engine.installation import Installation

    installation = Installation.find()
    given = sandbox_settings.expand(installation.home, dict(_setting(each) for each in settings or ()))
    where = (folder or (Path(name) if template else Path())).absolute()
    stack = creation.new_stack(
        installation, name, where, template=template, settings=given, providers=provider or ()
    )
    with installation.database.read() as connection:
        bound = bindings.bound(connection, stack.id)
    say(f"stack {stack.full_name} is made; its project is in {stack.folder}")
    for each in bound:
        served = "its linked role" if each.by_role else f"credential {each.credential}"
        say(f"  {each.provider}: bound to {served}")
    try:
        program_packages.check(project.read(where))
    except program_packages.ProgramNotReady as missing:
        say(f"  {missing}")
        say(f"  next: {missing.hint}; then: tic stack preview {stack.full_name}")
        return
    say(f"  next: tic stack preview {stack.full_name}")


Slot = Annotated[
    str,
    typer.Option("--as", metavar="SLOT", help="A further credential of its provider, by a name of your own."),
]


@app.command()
def bind(
    stack_name: Annotated[str, typer.Argument(metavar="STACK", help="STACK or PROJECT/STACK.")],
    credential: Annotated[
        str | None,
        typer.Argument(
            metavar="[CREDENTIAL]",
            help="Name or token; it serves its provider's part of the stack from now on.",
            show_default=False,
        ),
    ] = None,
    slot: Slot = "",
    provider: Annotated[
        str | None,
        typer.Option("--provider", help="In place of CREDENTIAL: this one's linked role, or what is Active."),
    ] = None,
) -> None:
    """Let another credential serve the stack; or, with --as, a further one of its provider."""
    from credentials import slots
    from engine import rebinding
    from engine.installation import Installation

    if (credential is None) == (provider is None):
        raise Usage(
            "bind takes either a credential, or --provider for what serves that provider now",
            hint=f"for example: tic stack bind {stack_name} NAME; see: tic creds list",
        )
    installation = Installation.find()
    stack = choose(installation, stack_name)
    if provider is not None:
        bound = rebinding.serve(installation, stack, provider, slot)
        kind, by = bound.provider, "its linked role" if bound.by_role else f"credential {bound.credential}"
    else:
        found = rebinding.rebind(installation, stack, credential or "", slot)
        kind, by = found.kind, f"credential {found.name}"
    what = f"{kind} as {slot}" if slot else kind
    say(f"stack {stack.full_name} uses {by} for {what} from its next run on")
    if slot and (mapping := slots.mapping(kind, slot)):
        say(
            "  give it to an instance of the provider (in Python env_var_mappings, in YAML envVarMappings): "
            + _json(mapping)
        )
    say(f"  next: tic stack preview {stack.full_name}")


@app.command()
def unbind(
    stack_name: Annotated[str, typer.Argument(metavar="STACK", help="STACK or PROJECT/STACK.")],
    slot: Slot = "",
    provider: Annotated[
        str | None, typer.Option("--provider", help="The provider; without --as, its own credential.")
    ] = None,
) -> None:
    """Take a credential from the stack; refused while resources are reached through it."""
    from engine import rebinding
    from engine.installation import Installation

    if not slot and provider is None:
        raise Usage(
            "unbind takes the slot or the provider that the stack is to be bound to no more",
            hint=f"for example: tic stack unbind {stack_name} --as prod; see: tic stack show {stack_name}",
        )
    installation = Installation.find()
    stack = choose(installation, stack_name)
    bound = rebinding.unbind(installation, stack, provider, slot)
    say(f"stack {stack.full_name} is bound to nothing for {bound} any more")
    say(f"  next: tic stack preview {stack.full_name}")


@app.command()
def remove(
    name: Annotated[str, typer.Argument(metavar="STACK", help="STACK or PROJECT/STACK.")], yes: Yes = False
) -> None:
    """Forget a destroyed stack with its history; refused while it has resources. Its project's files stay."""
    from engine.installation import Installation
    from engine.removal import check_removable, remove_stack

    installation = Installation.find()
    stack = choose(installation, name, destructive=True)
    check_removable(installation, stack)
    confirm(
        f"forget {stack.full_name} and its history?",
        f"removing {stack.full_name} forgets its history",
        f"tic stack remove {stack.full_name} --yes",
        yes=yes,
    )
    remove_stack(installation, stack)
    say(f"stack {stack.full_name} is forgotten; its project stays in {stack.folder or 'its folder'}")


def _json(mapping: dict[str, str]) -> str:
    return json.dumps(mapping, separators=(", ", ": "))


def _setting(text: str) -> tuple[str, Any]:
    """`key=value`; a value that begins with [ or { is JSON; a-key-with-dashes is aKeyWithDashes."""
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise Usage(
            f"--set takes key=value, not {text!r}", hint="""for example: --set domains='["example.com"]'"""
        )
    head, *tail = key.split("-")
    key = head + "".join(part.capitalize() for part in tail)
    if not value.startswith(("[", "{")):
        return key, value
    try:
        return key, json.loads(value)
    except ValueError as error:
        raise Usage(
            f"--set {key}: not JSON ({error})",
            hint=f"""quote it for the shell: --set {key}='["one","two"]'""",
        ) from error

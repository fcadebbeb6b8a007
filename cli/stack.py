"""`tic stack`: make, run and change stacks; `stack_views` shows them."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli import stack_config, stack_run, stack_views
from cli.consent import confirm
from cli.stack_options import Yes, choose
from cli.telling import say
from engine.errors import EngineError

if TYPE_CHECKING:
    pass

app = typer.Typer(
    name="stack",
    help="Stacks: make, run, show and destroy them.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
stack_run.register(app)
stack_views.register(app)
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
        str | None, typer.Option("--template", help="Write this project first, for example certificate.")
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
    from engine import bindings, creation, sandbox_settings
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
    say(f"  next: tic stack preview {stack.full_name}")


@app.command()
def bind(
    stack_name: Annotated[str, typer.Argument(metavar="STACK", help="STACK or PROJECT/STACK.")],
    credential: Annotated[
        str,
        typer.Argument(
            metavar="CREDENTIAL",
            help="Name or token; it serves its provider's part of the stack from now on.",
        ),
    ],
) -> None:
    """Let another credential serve the stack."""
    from engine import bindings
    from engine.installation import Installation

    installation = Installation.find()
    stack = choose(installation, stack_name)
    found = bindings.rebind(installation, stack, credential)
    say(f"stack {stack.full_name} uses credential {found.name} for {found.kind} from its next run on")
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

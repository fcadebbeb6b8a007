"""`tic stack`: make, run and change stacks; `stack_views` shows them."""

import json
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli import stack_config, stack_views
from cli.printable import printable
from engine.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.run import Operation, Outcome
    from engine.state.stacks import Stack

app = typer.Typer(
    name="stack",
    help="Stacks: make, run, show and destroy them.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
stack_views.register(app)
app.add_typer(stack_config.app)

Name = Annotated[
    str | None,
    typer.Argument(
        metavar="STACK", help="STACK or PROJECT/STACK; without it the stack of this folder's project."
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Line-delimited JSON events on stdout.")]
Target = Annotated[
    list[str] | None, typer.Option("--target", help="Only this resource (URN); may be repeated.")
]
Parallel = Annotated[int | None, typer.Option("--parallel", min=1, help="How many resources at once.")]
Message = Annotated[str, typer.Option("--message", "-m", help="Why; kept in the history.")]
Env = Annotated[
    list[str] | None,
    typer.Option("--env", help="Pass this variable of your environment on to the run, by name."),
]
Notify = Annotated[
    list[str] | None,
    typer.Option(
        "--notify", metavar="CREDENTIAL", help="Tell how it ended with this chat bot; may be repeated."
    ),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


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
    _say(f"stack {stack.full_name} is made; its project is in {stack.folder}")
    for each in bound:
        served = "its linked role" if each.by_role else f"credential {each.credential}"
        _say(f"  {each.provider}: bound to {served}")
    _say(f"  next: tic stack preview {stack.full_name}")


@app.command()
def up(
    name: Name = None,
    target: Target = None,
    replace: Annotated[
        list[str] | None, typer.Option("--replace", help="Replace this resource (URN); may be repeated.")
    ] = None,
    parallel: Parallel = None,
    message: Message = "",
    env: Env = None,
    notify: Notify = None,
    as_json: AsJson = False,
) -> None:
    """Bring the stack's resources to what its program says (`preview` shows it beforehand)."""
    from engine.run import Operation

    operation = Operation("up", target or (), replace or (), parallel, message, env or ())
    _run(name, operation, notify=notify, as_json=as_json)


@app.command()
def preview(
    name: Name = None,
    target: Target = None,
    parallel: Parallel = None,
    env: Env = None,
    as_json: AsJson = False,
) -> None:
    """Show what `up` would do; changes nothing."""
    from engine.run import Operation

    _run(name, Operation("preview", target or (), (), parallel, "", env or ()), as_json=as_json)


@app.command()
def refresh(
    name: Name = None,
    target: Target = None,
    parallel: Parallel = None,
    message: Message = "",
    env: Env = None,
    clear_pending_creates: Annotated[
        bool, typer.Option(help="Forget creates that were cut off, after you have looked for what they made.")
    ] = False,
    notify: Notify = None,
    as_json: AsJson = False,
) -> None:
    """Read what the resources are in the world into the state."""
    from engine.run import Operation

    operation = Operation("refresh", target or (), (), parallel, message, env or (), clear_pending_creates)
    _run(name, operation, notify=notify, as_json=as_json)


@app.command()
def destroy(
    name: Name = None,
    target: Target = None,
    parallel: Parallel = None,
    message: Message = "",
    env: Env = None,
    yes: Yes = False,
    notify: Notify = None,
    as_json: AsJson = False,
) -> None:
    """Delete the stack's resources; its credentials are free afterwards."""
    from engine.installation import Installation
    from engine.run import Operation

    stack = _choose(Installation.find(), name, destructive=True)
    _confirm(
        f"delete every resource of {stack.full_name}?",
        yes=yes,
        again=f"tic stack destroy {stack.full_name} --yes",
    )
    operation = Operation("destroy", target or (), (), parallel, message, env or ())
    _run(stack.full_name, operation, notify=notify, as_json=as_json)


@app.command()
def cancel(name: Name = None) -> None:
    """End the operation that runs on the stack: its process here is interrupted, a dead one's lease is
    ended.
    """
    from engine.cancellation import cancel as cancel_run
    from engine.installation import Installation

    installation = Installation.find()
    stack = _choose(installation, name)
    _say(cancel_run(installation, stack))


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
    stack = _choose(installation, stack_name)
    found = bindings.rebind(installation, stack, credential)
    _say(f"stack {stack.full_name} uses credential {found.name} for {found.kind} from its next run on")
    _say(f"  next: tic stack preview {stack.full_name}")


@app.command()
def remove(
    name: Annotated[str, typer.Argument(metavar="STACK", help="STACK or PROJECT/STACK.")], yes: Yes = False
) -> None:
    """Forget a destroyed stack with its history; refused while it has resources. Its project's files stay."""
    from engine.installation import Installation
    from engine.removal import check_removable, remove_stack

    installation = Installation.find()
    stack = _choose(installation, name, destructive=True)
    check_removable(installation, stack)
    _confirm(
        f"forget {stack.full_name} and its history?",
        yes=yes,
        again=f"tic stack remove {stack.full_name} --yes",
    )
    remove_stack(installation, stack)
    _say(f"stack {stack.full_name} is forgotten; its project stays in {stack.folder or 'its folder'}")


def _run(
    name: str | None, operation: "Operation", *, notify: "Sequence[str] | None" = None, as_json: bool
) -> None:
    from cli import progress
    from engine import notices, run
    from engine.installation import Installation

    installation = Installation.find()
    stack = _choose(installation, name)
    with notices.telling(installation, notify or (), stack, operation, warn=_warn) as ended:
        _say(f"{operation.kind} {stack.full_name}", as_json=as_json)
        with progress.choose(planned=operation.kind == "preview", as_json=as_json) as shown:
            outcome = run.run(installation, stack, operation, shown)
        ended(outcome)
    _conclude(stack, operation, outcome, as_json=as_json)


def _warn(line: str) -> None:
    _say(f"warning: {line}")


def _conclude(stack: "Stack", operation: "Operation", outcome: "Outcome", *, as_json: bool) -> None:
    from cli import progress

    for residue in outcome.caught:
        _say(f"  ! {residue}")
    changes = (
        ", ".join(f"{count} {name}" for name, count in sorted(outcome.changes.items())) or "nothing to do"
    )
    if as_json:
        progress.print_line(
            {"event": "end", "succeeded": outcome.succeeded, "interrupted": outcome.interrupted}
        )
    if outcome.succeeded:
        after = {
            "up": f"tic stack outputs {stack.full_name}",
            "preview": f"tic stack up {stack.full_name}",
            "refresh": f"tic stack preview {stack.full_name}",
            "destroy": f"tic stack remove {stack.full_name}",
        }[operation.kind]
        _say(
            f"{operation.kind} of {stack.full_name} is done in {outcome.seconds} s: {changes}\n"
            f"  next: {after}",
            as_json=as_json,
        )
        return
    if not outcome.errors:
        for line in outcome.printed[-20:]:
            _say(f"  {line}")
    what = "was interrupted" if outcome.interrupted else "failed"
    _say(f"{operation.kind} of {stack.full_name} {what}: {changes}; what was done is kept in the state")
    _say(f"  next: mend what the lines above name, then: tic stack {operation.kind} {stack.full_name}")
    raise typer.Exit(130 if outcome.interrupted else 1)


def _choose(installation: Any, name: str | None, *, destructive: bool = False) -> "Stack":
    from engine import selection

    with installation.database.read() as connection:
        return selection.choose(connection, name, Path.cwd(), destructive=destructive)


def _confirm(question: str, *, yes: bool, again: str) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise Usage(f"{question} There is no terminal to ask at", hint=f"say yes in advance: {again}")
    typer.confirm(question, abort=True, err=True)


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


def _say(line: str, *, as_json: bool = False) -> None:
    if not as_json:
        with suppress(OSError):  # a closed terminal must not hide how the run ended: the exit code tells
            sys.stderr.write(printable(line) + "\n")

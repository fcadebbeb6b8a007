"""What the commands of `tic stack` have in common: arguments, options, and the stack that is meant."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine.errors import EngineError

if TYPE_CHECKING:
    from engine.installation import Installation
    from engine.state.stacks import Stack

MOST = 2**31 - 1  # what Pulumi and both databases take for a number

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
Parallel = Annotated[
    int | None, typer.Option("--parallel", min=1, max=MOST, help="How many resources at once.")
]
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
DIFFERENT = 10  # the exit code of --exit-code where something differs
ExitCode = Annotated[
    bool, typer.Option("--exit-code", help=f"End with {DIFFERENT} where something differs, for scripts.")
]
Wait = Annotated[
    bool, typer.Option("--wait", help="Wait while something else runs on the stack, then go on.")
]
WaitTimeout = Annotated[
    str | None,
    typer.Option("--wait-timeout", metavar="SPAN", help="Wait no longer than this: 90s, 10m, 1h."),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


class Usage(EngineError):
    """The command line asks for something that can't be done as asked."""

    exit_code = 2


def choose(installation: "Installation", name: str | None, *, destructive: bool = False) -> "Stack":
    """The stack of this name, or that of this folder's project; raises what `engine.selection` raises."""
    from engine import selection

    with installation.database.read() as connection:
        return selection.choose(connection, name, Path.cwd(), destructive=destructive)

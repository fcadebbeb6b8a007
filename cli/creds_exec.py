"""`tic creds exec|export-process|notify`: what a credential is used with outside of stacks."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from cli.creds_input import BadInput
from cli.printable import printable

_COMMAND = "cli.creds_exec.command"  # where the context keeps the words behind --
_EXAMPLE = "tic creds exec CREDENTIAL -- COMMAND ARGUMENT..."

Name = Annotated[str, typer.Argument(metavar="CREDENTIAL", help="Name or token.")]


class _CommandBehindDashes(TyperCommand):
    """Its words behind the first `--` are another program's command line, kept as they are."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Take the command away, and parse what stands before it."""
        dashes = args.index("--") if "--" in args else len(args)
        own, command = args[:dashes], args[dashes + 1 :]
        if not set(own).intersection(self.get_help_option_names(ctx)):
            if "--" not in args:
                raise BadInput("what is to be run stands behind --, and there is no --", hint=_EXAMPLE)
            if not command or not command[0]:
                raise BadInput("there is no command behind --", hint=_EXAMPLE)
        ctx.meta[_COMMAND] = command
        return super().parse_args(ctx, own)

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """The usage line with the command in it."""
        return [*super().collect_usage_pieces(ctx), "-- COMMAND [ARGUMENT]..."]


def register(app: typer.Typer) -> None:
    """Add the commands to `tic creds`."""
    app.command("exec", cls=_CommandBehindDashes)(execute)
    app.command("export-process")(export_process)
    app.command("notify")(notify)


def execute(
    context: typer.Context,
    references: Annotated[
        list[str], typer.Argument(metavar="CREDENTIAL...", help="Name or token; several may be used at once.")
    ],
) -> None:
    """Run a command with credentials in its environment, or in private files that are gone afterwards.

    The rest of the environment is yours, without what else would give the command an identity at the same
    provider. Its terminal, its signals and its exit code are its own.
    """
    from engine.execution import execute as run
    from engine.installation import Installation

    raise typer.Exit(run(Installation.find(), references, context.meta[_COMMAND]))


def export_process(reference: Name) -> None:
    """Print an AWS credential as AWS's own tools want it: credential_process in ~/.aws/config calls this.

    credential_process = tic creds export-process CREDENTIAL
    """
    from credentials import credential_process
    from engine import place
    from engine.installation import Installation

    vault = Installation.find().vault
    credential = vault.find(reference)
    credential_process.check(credential.name, credential.kind)
    if sys.stdout.isatty():
        raise BadInput(
            "this prints secrets for AWS's tools, and stdout is a terminal, where anybody can read them",
            hint=f"in ~/.aws/config: credential_process = tic creds export-process {credential.name}",
        )
    opened = vault.opened(
        credential.token,
        purpose="AWS credential_process",
        place=place.of_folder(Path.cwd()),
        check=credential_process.answer,
    )
    sys.stdout.write(json.dumps(credential_process.answer(opened)) + "\n")


def notify(
    reference: Name,
    message: Annotated[str, typer.Argument(metavar="MESSAGE", help="What to say; - reads it from stdin.")],
    title: Annotated[str, typer.Option("--title", help="A first line.")] = "",
) -> None:
    """Send a message with a chat bot: Feishu, DingTalk, WeChat Work."""
    from engine import notify as messages
    from engine.installation import Installation

    installation = Installation.find()
    messages.check(installation, reference)
    text = sys.stdin.read() if message == "-" else message
    if not text.strip():
        raise BadInput("the message is empty", hint=f"tic creds notify {reference} MESSAGE")
    messages.send(installation, reference, text, title=title)
    sys.stderr.write(printable(f"the message is sent with {reference}") + "\n")

"""`tic stack export-state` and `tic stack import-state`: a whole stack moves out, or in."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli import stack_moved, stack_taking_in
from cli.consent import confirm
from cli.move_passphrase import Passphrases
from cli.stack_options import MOST, Name, Usage, Yes, choose

if TYPE_CHECKING:
    from engine.state_export import How

PassphraseFile = Annotated[
    str | None,
    typer.Option(
        "--passphrase-file",
        metavar="FILE",
        help="A private file with the passphrase of Pulumi's passphrase provider; - is stdin.",
    ),
]


def register(app: typer.Typer) -> None:
    """Add the moves to `tic stack`."""
    app.command("export-state")(export_state)
    app.command("import-state")(import_state)


def export_state(
    name: Name = None,
    version: Annotated[
        int | None,
        typer.Option("--version", min=1, max=MOST, help="As it was after this operation of its history."),
    ] = None,
    show_secrets: Annotated[
        bool, typer.Option("--show-secrets", help="With its secrets in plaintext; asks first.")
    ] = False,
    passphrase: Annotated[
        bool,
        typer.Option(
            "--passphrase",
            help="With its secrets under a passphrase, as `pulumi stack import` takes them into any backend.",
        ),
    ] = False,
    passphrase_file: PassphraseFile = None,
    file: Annotated[
        Path | None, typer.Option("--file", metavar="FILE", help="Write a new private file, not stdout.")
    ] = None,
    yes: Yes = False,
) -> None:
    """Write a stack's state as JSON: with its secrets sealed, unless it is said otherwise.

    What is sealed only this vault opens. The passphrase is asked for, or taken from --passphrase-file,
    PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE.
    """
    from cli.audit_export import written
    from engine.installation import Installation
    from engine.state_export import export_state as exported

    passphrase = passphrase or passphrase_file is not None
    if passphrase and show_secrets:
        raise Usage(
            "--show-secrets and --passphrase say two things",
            hint="leave one of them out: --passphrase is safer",
        )
    installation = Installation.find()
    stack = choose(installation, name)
    if show_secrets:
        where = f"to {file}" if file else "on this terminal" if sys.stdout.isatty() else "to stdout"
        confirm(
            f"write the secrets of {stack.full_name} in plaintext {where}?",
            f"--show-secrets writes the secrets of {stack.full_name} in plaintext {where}",
            f"tic stack export-state {stack.full_name} --show-secrets --yes",
            yes=yes,
        )
    phrase = Passphrases(passphrase_file, stdin_is_taken=False).new() if passphrase else None
    how: How = "passphrase" if passphrase else "shown" if show_secrets else "sealed"
    state = exported(installation, stack, version=version, how=how, phrase=phrase)
    with written(file, option="--file") as stream:
        stream.write(state.written().encode())
    stack_moved.tell_exported(stack, state, how, file)


def import_state(
    name: Annotated[
        str, typer.Argument(metavar="STACK", help="STACK or PROJECT/STACK; made if it is not there.")
    ],
    file: Annotated[
        str | None,
        typer.Argument(metavar="FILE", help="What `pulumi stack export` has written; - is stdin."),
    ] = None,
    config_file: Annotated[
        Path | None,
        typer.Option(
            "--config",
            metavar="FILE",
            help="The stack's file from there: its secrets are sealed anew; without FILE, it alone.",
        ),
    ] = None,
    project_name: Annotated[
        str | None,
        typer.Option("--project", metavar="PROJECT", help="The project, if the resources do not tell."),
    ] = None,
    passphrase_file: PassphraseFile = None,
    rename: Annotated[
        bool, typer.Option("--rename", help="Give the resources of another stack this one's name.")
    ] = False,
    force: Annotated[
        bool,
        typer.Option("--force", help="Also where the stack has resources: they are forgotten; asks first."),
    ] = False,
    yes: Yes = False,
) -> None:
    """Take a stack in from another backend: its secrets are sealed by the vault, in one version.

    It comes from a file backend, Pulumi Cloud or another tic. The passphrase of Pulumi's passphrase provider
    is asked for if it is needed, or taken from --passphrase-file, PULUMI_CONFIG_PASSPHRASE or
    PULUMI_CONFIG_PASSPHRASE_FILE; what else has sealed it opens it on the way: pulumi stack export
    --show-secrets | tic stack import-state STACK -
    """
    from engine.installation import Installation

    phrases = Passphrases(passphrase_file, stdin_is_taken=file == "-")
    installation = Installation.find()
    if file is None:
        if config_file is None:
            raise Usage(
                "nothing to take in was named",
                hint=f"for example: pulumi stack export | tic stack import-state {name} -",
            )
        stack_taking_in.take_config_in(installation, name, config_file, phrases)
        return
    stack_taking_in.take_in(
        installation,
        name,
        stack_taking_in.read(file),
        config_file,
        project_name,
        phrases,
        rename=rename,
        force=force,
        yes=yes,
    )

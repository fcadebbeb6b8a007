"""`tic`: every command group, and the one place where errors become messages."""

import sys
from typing import Annotated

import typer

from cli import audit, cert, creds, dns, doctor, engine, errors, role, sandbox, serve, stack, token, vault
from cli.telling import say
from credentials.withheld import withdraw
from engine.waiting import heard

app = typer.Typer(
    name="tic",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.add_typer(vault.app, name="vault")
app.add_typer(creds.app, name="creds")
app.add_typer(role.app, name="role")
app.add_typer(audit.app, name="audit")
app.add_typer(stack.app, name="stack")
app.add_typer(engine.app, name="engine")
app.add_typer(sandbox.app, name="sandbox")
app.add_typer(dns.app, name="dns")
app.add_typer(cert.app, name="cert")
app.add_typer(token.app, name="token")
app.command("doctor")(doctor.doctor)
app.command("serve")(serve.serve)


def _version(*, wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"tic {version('tic-engine')}")
        raise typer.Exit


@app.callback()
def tic(
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            help="Show the version.",
            is_eager=True,
            callback=lambda value: _version(wanted=value),
        ),
    ] = False,
) -> None:
    """Infrastructure as code with stack-bound credentials, on the real Pulumi engine."""


def _run() -> object:
    for each in sys.argv[1:]:
        try:
            each.encode()
        except UnicodeEncodeError:
            raise errors.NoText(each) from None
    return app(standalone_mode=False)


def main() -> None:
    """Run `tic` with the process's arguments and exit with its code."""
    withdraw()  # before anything is started that would inherit what opens the vault
    with heard(say):
        code = errors.run(_run)
    sys.exit(code)


if __name__ == "__main__":
    main()

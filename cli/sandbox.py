"""`tic sandbox`: a CA for trying things out, on this machine."""

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from credentials.vault import Vault
    from engine.home import Home
    from engine.installation import Installation
    from engine.sandbox.lifecycle import Status

app = typer.Typer(
    name="sandbox",
    help="A CA on this machine that validates for real, and the DNS server that it asks.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON on stdout.")]
DOMAINS = """--set domains='["example.test","*.example.test"]'"""
NEXT = f"tic stack new site --template certificate {DOMAINS} --set directory=sandbox"


@app.command()
def up(as_json: AsJson = False) -> None:
    """Start the sandbox (nothing happens to what runs already) and make its credential."""
    import sys

    from engine.installation import Installation
    from engine.sandbox import lifecycle
    from engine.toolchain import pebble
    from engine.toolchain.progress import Printer

    installation = Installation.find()
    tools = pebble.ensure(installation.home, Printer(sys.stderr))
    before = lifecycle.status(installation.home).sandbox
    after = lifecycle.up(installation.home, tools, _vault(installation))
    if before and before.directory != after.directory:
        typer.echo(
            f"the CA was at {before.directory}, whose port is taken now:"
            f" put {after.directory} into Pulumi.STACK.yaml of the stacks that use it",
            err=True,
        )
    _show(installation.home, lifecycle.status(installation.home), as_json=as_json)


@app.command()
def status(as_json: AsJson = False) -> None:
    """Show whether the sandbox runs and where it answers."""
    from engine.home import Home
    from engine.sandbox import lifecycle

    home = Home.find()
    _show(home, lifecycle.status(home), as_json=as_json)


@app.command()
def down(as_json: AsJson = False) -> None:
    """End the sandbox's processes; its addresses and its credential stay."""
    import json

    from engine.home import Home
    from engine.sandbox import lifecycle

    ended = lifecycle.down(Home.find())
    if as_json:
        typer.echo(json.dumps({"ended": ended}))
    else:
        typer.echo(f"ended: {', '.join(ended)}" if ended else "the sandbox was not up")


def _vault(installation: "Installation") -> "Vault | None":
    return installation.vault if installation.is_made else None


def _show(home: "Home", status: "Status", *, as_json: bool) -> None:
    import json
    from dataclasses import asdict

    sandbox = status.sandbox
    if as_json:
        content = asdict(sandbox) if sandbox else {}
        typer.echo(
            json.dumps({"up": status.up, "pebble": status.pebble, "dns": status.dns, **content}, indent=2)
        )
        return
    if not sandbox or not status.up:
        part = {(True, False): ": its DNS server has ended", (False, True): ": its CA has ended"}
        typer.echo(f"the sandbox is down{part.get((status.pebble, status.dns), '')}")
        typer.echo("start it: tic sandbox up", err=True)
        return
    typer.echo("the sandbox is up")
    typer.echo(f"  CA directory  {sandbox.directory}")
    typer.echo(f"  CA file       {sandbox.ca_file}")
    typer.echo(f"  DNS server    {sandbox.nameserver}")
    typer.echo(f"  issuing root  {home.sandbox / 'issuing-root.pem'} (a new one at each start)")
    if sandbox.credential:
        typer.echo(f"  credential    {sandbox.credential} (kind exec)")
        typer.echo(f"next: {NEXT}", err=True)
    else:
        typer.echo("  credential    none: there is no vault yet")
        typer.echo("next: tic vault init && tic sandbox up", err=True)

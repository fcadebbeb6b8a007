"""`tic engine`: which Pulumi engine tic runs, and getting one."""

from typing import Annotated

import typer

app = typer.Typer(
    name="engine", help="The Pulumi engine that tic runs.", no_args_is_help=True, rich_markup_mode=None
)

VersionOption = Annotated[str | None, typer.Option("--version", help="This version, not the pinned one.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON on stdout.")]


@app.command()
def status(version: VersionOption = None, as_json: JsonOption = False) -> None:
    """Show which engine is used, or how one would be got."""
    import json

    from engine.home import Home
    from engine.toolchain import pulumi
    from engine.toolchain.pins import pins

    home, pin = Home.find(), pins()["pulumi"]
    asked = pulumi.wanted(version)
    tool = pulumi.locate(home, version)
    options = pulumi.options(home, version)
    if as_json:
        content = {
            "path": str(tool.path) if tool else None,
            "version": tool.version if tool else None,
            "source": tool.source if tool else None,
            "pinned": str(pin.version),
            "minimum": str(pin.minimum),
            "asked": str(asked) if asked else None,
            "ways": [{"way": one.way, "usable": one.usable, "detail": one.detail} for one in options],
        }
        typer.echo(json.dumps(content, indent=2))
        return
    if tool:
        typer.echo(f"Pulumi {tool.version} ({tool.source}): {tool.path}")
    else:
        typer.echo(f"no Pulumi engine yet; the pinned version is {pin.version}")
    for one in options:
        typer.echo(f"  {'yes' if one.usable else 'no ':3}  {one.way:9}  {one.detail}")
    if not tool:
        typer.echo("get it: tic engine install", err=True)


@app.command()
def install(
    version: VersionOption = None,
    yaml: Annotated[bool, typer.Option("--yaml", help="What runs programs in YAML, too.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Get the engine where it is missing: Pulumi's installer, or a build that takes some minutes once."""
    import json
    import sys

    from engine.home import Home
    from engine.toolchain import pulumi, yaml_host
    from engine.toolchain.progress import Printer

    home, printer = Home.find(), Printer(sys.stderr)
    tool = pulumi.ensure(home, printer, version)
    host = yaml_host.ensure(home, printer) if yaml else None
    if as_json:
        content = {"path": str(tool.path), "version": tool.version, "source": tool.source}
        typer.echo(json.dumps(content | ({"yaml": str(host)} if host else {}), indent=2))
        return
    typer.echo(f"Pulumi {tool.version} ({tool.source}): {tool.path}")
    if host:
        typer.echo(f"programs in YAML: {host}")

"""`tic serve`: the state service for the stock Pulumi CLI."""

import sys
from typing import Annotated

import typer


def serve(
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="0: one that is free.")] = 0,
) -> None:
    """Serve this home's stacks to the stock Pulumi CLI on this machine, until Ctrl-C.

    Prints what to set in the CLI's shell. The token opens every stack of this home while the command runs.
    Resources of tic and the credentials of bindings need `tic stack up`.
    """
    from engine.installation import Installation
    from engine.serving import serving

    with serving(Installation.find(), port) as served:
        sys.stdout.write(
            f"export PULUMI_BACKEND_URL={served.url}\nexport PULUMI_ACCESS_TOKEN={served.access_token}\n"
        )
        sys.stdout.flush()
        sys.stderr.write("serving; stacks are named tic/PROJECT/STACK; Ctrl-C ends it\n")
        try:
            served.wait()
        except KeyboardInterrupt:
            sys.stderr.write("\nended\n")

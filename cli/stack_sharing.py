"""`tic stack share|unshare|readers`: whose runs may read a stack's outputs."""

import sys
from typing import Annotated

import typer

from cli.stack_options import Name, choose
from cli.telling import print_json, say

Source = Annotated[str, typer.Argument(metavar="STACK", help="The stack that is read.")]
Reader = Annotated[
    str, typer.Argument(metavar="READER", help="The stack that reads: STACK, PROJECT/STACK or 'PROJECT/*'.")
]


def register(app: typer.Typer) -> None:
    """Add the commands to `tic stack`."""
    app.command()(share)
    app.command()(unshare)
    app.command()(readers)


def share(stack: Source, reader: Reader) -> None:
    """Let the runs of another stack read the outputs of this one, secret ones too (StackReference)."""
    from engine import stack_sharing
    from engine.installation import Installation

    installation = Installation.find()
    source = choose(installation, stack, destructive=True)
    name = stack_sharing.share(installation, source, reader)
    say(f"runs of {name} may read the outputs of {source.full_name}, secret ones too")
    say(f'  in the program: StackReference("{source.reference}")')


def unshare(stack: Source, reader: Reader) -> None:
    """Take that back: the next run of the other stack reads nothing of this one."""
    from engine import stack_sharing
    from engine.installation import Installation

    installation = Installation.find()
    source = choose(installation, stack, destructive=True)
    name = stack_sharing.unshare(installation, source, reader)
    say(
        f"runs of {name} may no longer read the outputs of {source.full_name}; what they have read, they have"
    )


def readers(
    name: Name = None, as_json: Annotated[bool, typer.Option("--json", help="JSON on stdout.")] = False
) -> None:
    """Whose runs may read the stack's outputs."""
    from engine.installation import Installation
    from engine.state import sharing

    source = choose(Installation.find(), name)
    found = sharing.readers(source)
    if as_json:
        print_json(found)
    elif found:
        sys.stdout.write("".join(f"{reader}\n" for reader in found))
    else:
        say(f"{source.full_name} is shared with no other stack")
        say(f"  next: tic stack share {source.full_name} PROJECT/STACK")

"""How a command of `tic cert` is told which certificate is meant."""

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from engine.certificates.listing import Listed
    from engine.installation import Installation

NAMES = "NAME, STACK/NAME, PROJECT/STACK/NAME, a URN or a serial number."
Certificate = Annotated[str, typer.Argument(metavar="CERTIFICATE", help=NAMES)]


def chosen(installation: "Installation", name: str) -> "Listed":
    """The certificate that `name` means; raises what `engine.certificates.listing.find` raises."""
    from engine.certificates.listing import find

    with installation.database.read() as connection:
        return find(connection, name)

"""What several commands of `tic creds` take."""

from typing import Annotated

import typer

Reference = Annotated[str, typer.Argument(metavar="CREDENTIAL", help="Name or token.")]
Fields = Annotated[
    list[str] | None,
    typer.Option(
        "--field",
        metavar="NAME=VALUE",
        help="A field that is no secret, or NAME=@FILE for a secret in a private file (@- is stdin).",
    ),
]
SecretsFrom = Annotated[
    str | None,
    typer.Option(
        "--secrets-from", metavar="FILE|-", help="A JSON object of fields, from a file or stdin (-)."
    ),
]
FromEnv = Annotated[bool, typer.Option("--from-env", help="Take fields from the provider's own variables.")]
AsJson = Annotated[bool, typer.Option("--json", help="JSON on stdout.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
SCOPES = "all, project:NAME (a Pulumi project), or repo:REMOTE (the URL that git shows)"

"""`tic serve`: the state service for the stock Pulumi CLI, on this machine or for a team."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.telling import say

if TYPE_CHECKING:
    from engine.reachable import Reachable


def serve(
    host: Annotated[
        str, typer.Option("--host", metavar="HOST", help="The address to listen at; 0.0.0.0 for every one.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="0: one that is free.")] = 0,
    tls_cert: Annotated[
        Path | None, typer.Option("--tls-cert", metavar="FILE", help="The certificate with its chain (PEM).")
    ] = None,
    tls_key: Annotated[
        Path | None, typer.Option("--tls-key", metavar="FILE", help="Its private key (PEM).")
    ] = None,
    behind_proxy: Annotated[
        str | None,
        typer.Option(
            "--behind-proxy", metavar="URL", help="The URL of a proxy on this machine that ends TLS."
        ),
    ] = None,
) -> None:
    """Serve this home's stacks to the stock Pulumi CLI, until Ctrl-C.

    Prints what to set in the CLI's shell. On this machine alone (the default) that is a token, too, which
    opens every stack of this home while the command runs. For a team it takes a certificate, or a proxy that
    has one, and tokens: tic token new. Resources of tic and the credentials of bindings need `tic stack up`.
    """
    from engine.installation import Installation
    from engine.serving import serving

    reachable = _reachable(host, port, tls_cert, tls_key, behind_proxy)
    with serving(Installation.find(), reachable, say) as served:
        sys.stdout.write(f"export PULUMI_BACKEND_URL={served.url}\n")
        if served.access_token is not None:
            sys.stdout.write(f"export PULUMI_ACCESS_TOKEN={served.access_token}\n")
        sys.stdout.flush()
        if served.certificate is not None:
            say(f"the certificate is {served.certificate.shown}")
        if served.access_token is None:
            say("each caller sets PULUMI_ACCESS_TOKEN to a token of its own: tic token new NAME")
        say("serving; stacks are named tic/PROJECT/STACK; Ctrl-C ends it")
        served.wait()
    say("ended")


def _reachable(
    host: str, port: int, certificate: Path | None, key: Path | None, proxy: str | None
) -> "Reachable":
    from engine.reachable import NotServed, Reachable
    from engine.tls import HOW, CertificateFiles

    if certificate is None or key is None:
        if certificate is not None or key is not None:
            raise NotServed("a certificate and its key come together", hint=f"name both: {HOW}")
        return Reachable(host, port, None, proxy and proxy.rstrip("/"))
    files = CertificateFiles(certificate.absolute(), key.absolute())
    return Reachable(host, port, files, proxy and proxy.rstrip("/"))

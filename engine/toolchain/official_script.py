"""Runs Pulumi's own installer: `python -I official_script.py FOLDER VERSION`.

A program of its own, so that its time can be bounded: a closed network may answer nothing at all.
"""

import socket
import subprocess
import sys

ANSWER_SECONDS = 20


def main(folder: str, version: str) -> int:
    """Put the engine and its language hosts into `folder`/bin; one line on stderr where that fails."""
    from pulumi.automation import PulumiCommand
    from semver import VersionInfo

    socket.setdefaulttimeout(ANSWER_SECONDS)
    try:
        PulumiCommand.install(root=folder, version=VersionInfo.parse(version))
    except subprocess.CalledProcessError as error:
        lines = (error.output or b"").decode(errors="replace").split("\n")
        said = [line.strip() for line in lines if line.strip()]
        sys.stderr.write(f"{said[-1] if said else f'exit code {error.returncode}'}\n")
        return 1
    except Exception as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

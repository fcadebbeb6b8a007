"""Pulumi's language hosts, the programs that run a project's program where tic does not serve it itself.

Pulumi looks for `pulumi-language-RUNTIME` on PATH, beside its own executable and among its plugins. Its
installer brings them; an engine that was built comes alone, and tic builds the host for YAML itself.
"""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from engine.errors import EngineError
from engine.home import Home

if TYPE_CHECKING:
    from engine.project import Project

YAML = "yaml"


class LanguageHostMissing(EngineError):
    """Nothing here runs programs of the project's runtime."""

    exit_code = 6


def folders(
    home: Home, project: "Project", engine: Path, environ: Mapping[str, str] = os.environ
) -> list[Path]:
    """What PATH has to have besides, so that the executable `engine` finds the host of the project's program.

    Raises LanguageHostMissing where there is none.
    """
    if project.inline or _found(home, project.runtime, engine, environ):
        return []
    if project.runtime == YAML:
        from engine.toolchain import yaml_host

        built = yaml_host.locate(home)
        if built is not None:
            return [built.parent]
        raise LanguageHostMissing(
            f"the program of {project.name} is in YAML, and Pulumi's language host for it is not here",
            hint="get it: tic engine install --yaml",
        )
    raise LanguageHostMissing(
        f"the program of {project.name} is one for Pulumi's runtime {project.runtime!r}, and "
        f"{_host(project.runtime)} is neither on PATH nor beside {engine}",
        hint=f"mend the runtime in {project.file} where it is wrong; or install Pulumi with its language "
        "hosts (https://www.pulumi.com/docs/install), put its folder on PATH, and run the command again",
    )


def _found(home: Home, runtime: str, engine: Path, environ: Mapping[str, str]) -> bool:
    """Whether Pulumi finds the host by itself (`workspace.GetPluginPath`)."""
    if shutil.which(_host(runtime), path=environ.get("PATH", os.defpath)):
        return True
    beside = {engine.parent, engine.resolve().parent}
    if any(os.access(folder / _host(runtime), os.X_OK) for folder in beside):
        return True
    return any((home.pulumi / "plugins").glob(f"language-{runtime}-v*/"))


def _host(runtime: str) -> str:
    return f"pulumi-language-{runtime}"

"""The plugin as an executable in a folder that goes onto PATH, from this very tree."""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]


def install(folder: Path) -> Path:
    """Write `pulumi-resource-tic` into `folder`; gives its path."""
    folder.mkdir(parents=True, exist_ok=True)
    script = folder / "pulumi-resource-tic"
    script.write_text(
        f"#!{sys.executable}\nimport sys\nsys.path.insert(0, {str(ROOT)!r})\n"
        "from stacks.provider.main import main\nmain()\n"
    )
    script.chmod(0o700)
    return script


def environment(folder: Path, **more: str) -> dict[str, str]:
    """This process's environment with the plugin's folder first on PATH, and no broker of anybody else's."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(("TIC_BROKER", "PULUMI"))}
    return {**own, "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}", **more}

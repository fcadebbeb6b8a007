"""`directory=sandbox`: the settings of a stack whose CA is the sandbox that runs on this machine."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from engine.errors import EngineError

if TYPE_CHECKING:
    from engine.home import Home


class SandboxDown(EngineError):
    """The sandbox was asked for and is not there."""

    exit_code = 6


def expand(home: "Home", settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings, with the sandbox's address, root, DNS server and provider where `directory` is
    `sandbox`.
    """
    if settings.get("directory") != "sandbox":
        return dict(settings)
    try:
        sandbox = json.loads((home.sandbox / "sandbox.json").read_text())
    except OSError as error:
        raise SandboxDown("the sandbox does not run", hint="start it: tic sandbox up") from error
    own = {
        "directory": sandbox["directory"],
        "caFile": sandbox["ca_file"],
        "nameservers": [sandbox["nameserver"]],
        "provider": "exec",
    }
    return {**own, **settings, "directory": sandbox["directory"]}

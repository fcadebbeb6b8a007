"""What the processes of a run find in their environment: an allow-list, never tic's own environment as it is.

The caller's AWS_*, TENCENTCLOUD_* or ALICLOUD_* variables belong to nobody's stack, so they stay outside;
what a stack is bound to is added by name. What providers would find by themselves is closed to them
(`credentials.fallbacks`).
"""

import json
import os
import re
import shutil
import sysconfig
from collections.abc import Iterable, Mapping
from pathlib import Path

from credentials import slots
from engine.errors import EngineError

PASSED_ON = frozenset(
    {
        "PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TZ", "TMPDIR", "TERM",
        "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY",
        "http_proxy", "https_proxy", "no_proxy", "all_proxy",
        "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS", "SSH_AUTH_SOCK",
        "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR", "GOPATH", "GOCACHE", "GOMODCACHE",
    }
)  # fmt: skip


OWN = frozenset(
    {
        "PULUMI_HOME", "PULUMI_BACKEND_URL", "PULUMI_ACCESS_TOKEN", "PULUMI_CREDENTIALS_PATH",
        "PULUMI_SKIP_UPDATE_CHECK", "PULUMI_DEBUG_COMMANDS", "PULUMI_JOURNALING_BATCH_PERIOD",
    }
)  # fmt: skip
"""What tic itself gives the engine, beside everything that begins with `TIC_`."""

SLOTS = "TIC_SLOTS"
"""Tells programs the slots of their stack: `{"alicloud:prod": {"PROD_ALICLOUD_...": "ALICLOUD_..."}}`."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class VariableRefused(EngineError):
    """A variable that can't be passed on to a run."""

    exit_code = 2


def base(environ: Mapping[str, str], extra: Iterable[str] = ()) -> dict[str, str]:
    """What any process of a run gets: the allow-list, locale (`LC_*`), and the names that the user passes by
    name.

    Raises VariableRefused for a name that is not one, is not set, or belongs to tic.
    """
    passed = list(extra)
    for name in passed:
        _check(environ, name)
    named = PASSED_ON.union(passed)
    return {name: value for name, value in environ.items() if name in named or name.startswith("LC_")}


def slots_told(keys: Iterable[str]) -> dict[str, str]:
    """The variable that tells programs which slots there are, and how their variables are called: no secret.

    `keys` are those of the stack's bindings.
    """
    known = {key: slots.mapping(*slots.parts(key)) for key in keys if slots.parts(key)[1]}
    return {SLOTS: json.dumps(known)}


def nowhere(folder: Path) -> str:
    """A path in `folder` where nothing is, the same in every run; what one made there is removed."""
    path = folder / "nowhere"
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    return str(path)


def _check(environ: Mapping[str, str], name: str) -> None:
    before, equals, _value = name.partition("=")
    if not _NAME.fullmatch(before):
        raise VariableRefused(
            "--env was given something that is not the name of a variable",
            hint="give a name, for example: --env KUBECONFIG",
        )
    if equals:
        raise VariableRefused(
            f"--env {before}=... : it takes the name of a variable alone, never its value",
            hint=f"export {before} in your shell, then: --env {before}",
        )
    if name in OWN or name.startswith("TIC_"):
        raise VariableRefused(
            f"--env {name}: tic sets this variable itself for every run", hint=f"leave --env {name} out"
        )
    if name not in environ:
        raise VariableRefused(
            f"--env {name}: your environment has no variable of this name",
            hint=f"export {name} in your shell, or leave --env {name} out",
        )


def search_path(environ: Mapping[str, str], *folders: Path) -> str:
    """PATH with the folders of the engine and of this interpreter's scripts (the plugin
    `pulumi-resource-tic`) first.
    """
    scripts = sysconfig.get_path("scripts")
    return os.pathsep.join([*(str(folder) for folder in folders), scripts, environ.get("PATH", os.defpath)])

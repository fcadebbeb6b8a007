"""What the processes of a run find in their environment: an allow-list, never tic's own environment as it is.

The caller's AWS_*, TENCENTCLOUD_* or ALICLOUD_* variables belong to nobody's stack, so they stay outside;
what a stack is bound to is added by name.
"""

import os
import sysconfig
from collections.abc import Iterable, Mapping
from pathlib import Path

PASSED_ON = frozenset(
    {
        "PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TZ", "TMPDIR", "TERM",
        "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY",
        "http_proxy", "https_proxy", "no_proxy", "all_proxy",
        "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS", "SSH_AUTH_SOCK",
        "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR", "GOPATH", "GOCACHE", "GOMODCACHE",
    }
)  # fmt: skip


def base(environ: Mapping[str, str], extra: Iterable[str] = ()) -> dict[str, str]:
    """What any process of a run gets: the allow-list, locale (`LC_*`), and the names that the user passes by
    name.
    """
    named = PASSED_ON.union(extra)
    return {name: value for name, value in environ.items() if name in named or name.startswith("LC_")}


def search_path(environ: Mapping[str, str], *folders: Path) -> str:
    """PATH with the folders of the engine and of this interpreter's scripts (the plugin
    `pulumi-resource-tic`) first.
    """
    scripts = sysconfig.get_path("scripts")
    return os.pathsep.join([*(str(folder) for folder in folders), scripts, environ.get("PATH", os.defpath)])

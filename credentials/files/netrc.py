"""A netrc file with one machine, for HTTP basic authentication (curl's netrc(5), Python's netrc).

There is no port in it: the name and password go to any port of the host, and to no other host.
"""

import re
import urllib.parse
from collections.abc import Mapping
from typing import Final

from credentials.files.unfit import UnfitFile
from credentials.secret import SecretBytes

_QUOTED: Final = re.compile(r'[\s"\\]|^#')


def build(fields: Mapping[str, SecretBytes]) -> bytes:
    """The file, from `url`, `username`, and `password` or `api-token`."""
    password = fields["password"] if "password" in fields else fields["api-token"]
    machine = _host(fields["url"].reveal().decode())
    login, secret = _word(fields["username"]), _word(password)
    return f"machine {machine} login {login} password {secret}\n".encode()


def joined(one: bytes, other: bytes) -> bytes | None:
    """Both files' machines in one; None where one is in both."""
    machines = [{line.split()[1] for line in each.splitlines()} for each in (one, other)]
    return None if machines[0] & machines[1] else one + other


def _host(url: str) -> str:
    try:
        host = urllib.parse.urlsplit(url).hostname
    except ValueError:
        host = None
    if not host or _QUOTED.search(host):
        raise UnfitFile(
            "the netrc file",
            "the url names no host",
            hint="give the whole address of the service, for example https://git.example.com/",
        )
    return host


def _word(value: SecretBytes) -> str:
    """One word of the file, in quotes only where it must be: older readers know none."""
    text = value.reveal().decode()
    if not _QUOTED.search(text):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'

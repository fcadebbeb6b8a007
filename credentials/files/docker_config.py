"""Docker's config.json (docker/cli, cli/config/configfile), which podman's auth.json is too."""

import base64
import json
from collections.abc import Mapping
from typing import Final

from credentials.files.unfit import UnfitFile
from credentials.secret import SecretBytes

DOCKER_HUB: Final = "https://index.docker.io/v1/"
_NAMES_OF_DOCKER_HUB: Final = ("docker.io", "index.docker.io", "registry-1.docker.io")


def build(fields: Mapping[str, SecretBytes]) -> bytes:
    """The file with one registry, from `server`, `username` and `password`."""
    username = fields["username"].reveal()
    if b":" in username:
        raise UnfitFile(
            "the docker config",
            "the user name holds ':', and docker takes what stands before it for the whole name",
            hint="use a name without ':', such as that of an access token",
        )
    pair = base64.b64encode(username + b":" + fields["password"].reveal()).decode()
    return json.dumps({"auths": {server_key(fields["server"].reveal().decode()): {"auth": pair}}}).encode()


def joined(one: bytes, other: bytes) -> bytes | None:
    """Both files' registries in one; None where one is in both."""
    registries = [json.loads(each)["auths"] for each in (one, other)]
    if registries[0].keys() & registries[1].keys():
        return None
    return json.dumps({"auths": registries[0] | registries[1]}).encode()


def server_key(server: str) -> str:
    """The key that `docker login SERVER` writes: host and port alone, except for Docker Hub."""
    host = server.rpartition("://")[2].partition("/")[0]
    return DOCKER_HUB if host in _NAMES_OF_DOCKER_HUB else host

"""The keys of the role that AWS gives the container or instance that tic runs on.

Containers (ECS, EKS): https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html;
instances: IMDSv2, never its first version, which a forged request can be made to read:
https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/configuring-instance-metadata-service.html.
boto asks them too, but through the proxy of this machine, and waits for seconds where nobody is.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.parse import quote, urlsplit

from credentials.identity.https import is_loopback
from credentials.roles.metadata import ANSWER_SECONDS, FINDING_SECONDS, Metadata, absent, is_there
from credentials.secret import SecretBytes

_INSTANCE: Final = {"ipv4": "http://169.254.169.254", "ipv6": "http://[fd00:ec2::254]"}
_CONTAINER: Final = "http://169.254.170.2"
_CONTAINER_HOSTS: Final = ("169.254.170.2", "169.254.170.23", "fd00:ec2::23")
_RELATIVE, _FULL = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI"
_TOKEN, _TOKEN_FILE = "AWS_CONTAINER_AUTHORIZATION_TOKEN", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"
_ROLE: Final = "/latest/meta-data/iam/security-credentials/"
_SECONDS: Final = "60"  # that a token of the instance's service is good for
_PLAIN: Final = re.compile(r"[!-~]+")
_NAMES: Final = {
    "access-key-id": "AccessKeyId",
    "secret-access-key": "SecretAccessKey",
    "session-token": "Token",
}


def is_here(environ: Mapping[str, str]) -> bool:
    """Whether this machine has a role, found out within a second."""
    if environ.get(_RELATIVE) or environ.get(_FULL):
        return True
    return is_there(lambda: _instance_role(_instance(environ, FINDING_SECONDS)))


def keys(environ: Mapping[str, str]) -> dict[str, SecretBytes]:
    """The role's temporary keys as fields of the kind `aws`; raises SourceFailed."""
    if environ.get(_RELATIVE) or environ.get(_FULL):
        service, path, headers = _container(environ)
    else:
        service = _instance(environ, ANSWER_SECONDS)
        name, headers = _instance_role(service)
        path = f"{_ROLE}{quote(name, safe='')}"
    told = service.get(path, headers).json()
    values = {field: told.get(name) for field, name in _NAMES.items()}
    if told.get("Code", "Success") != "Success" or not all(
        isinstance(one, str) and one for one in values.values()
    ):
        raise absent("it gives this machine's role no keys")
    return {field: SecretBytes(str(value).encode()) for field, value in values.items()}


def _instance(environ: Mapping[str, str], seconds: float) -> Metadata:
    if environ.get("AWS_EC2_METADATA_DISABLED", "").lower() == "true":
        raise absent("AWS_EC2_METADATA_DISABLED says that it is not to be asked")
    mode = environ.get("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "").lower()
    usual = _INSTANCE.get(mode, _INSTANCE["ipv4"])
    return Metadata(environ.get("AWS_EC2_METADATA_SERVICE_ENDPOINT") or usual, seconds)


def _instance_role(service: Metadata) -> tuple[str, dict[str, str]]:
    """The name of the instance's role, and the headers that ask for its keys."""
    opened = service.ask(
        "/latest/api/token", {"X-aws-ec2-metadata-token-ttl-seconds": _SECONDS}, method="PUT"
    )
    token = opened.text().strip()
    if opened.status != 200 or not _PLAIN.fullmatch(token):
        raise absent(f"it opens no session (status {opened.status})")
    headers = {"X-aws-ec2-metadata-token": token}
    name = service.get(_ROLE, headers).text().strip()
    if not re.fullmatch(r"[\w+=,.@-]{1,128}", name):
        raise absent("this machine has no role")
    return name, headers


def _container(environ: Mapping[str, str]) -> tuple[Metadata, str, dict[str, str]]:
    """Who gives the container's keys, under which path, to which headers."""
    where = urlsplit(environ.get(_FULL, ""))
    address, path = f"{where.scheme}://{where.netloc}", f"{where.path or '/'}?{where.query}".rstrip("?")
    if environ.get(_RELATIVE):
        address, path = _CONTAINER, environ[_RELATIVE]
    elif where.scheme != "https" and not (
        is_loopback(where.hostname or "") or where.hostname in _CONTAINER_HOSTS
    ):
        raise absent(f"{_FULL} names a host that is neither AWS's nor this machine")
    token = environ.get(_TOKEN, "")
    if environ.get(_TOKEN_FILE):
        try:
            token = Path(environ[_TOKEN_FILE]).read_text("ascii").strip()
        except (OSError, ValueError):
            raise absent(f"the file of {_TOKEN_FILE} can't be read") from None
    if (
        not _PLAIN.fullmatch(path)
        or not path.startswith("/")
        or not (token.isprintable() and token.isascii())
    ):
        raise absent(f"{_RELATIVE}, {_FULL} or {_TOKEN} is no part of a request")
    return Metadata(address), path, {"Authorization": token} if token else {}

"""Files that programs read a credential from: built of its fields, or given whole and checked."""

from collections.abc import Callable, Mapping
from typing import Final

from credentials.files import acme_dns, docker_config, kubeconfig, maven_settings, netrc
from credentials.files.unfit import UnfitFile
from credentials.secret import SecretBytes

__all__ = ["BUILDERS", "UnfitFile", "build", "check", "joined", "secrets_in"]

BUILDERS: Final[Mapping[str, Callable[[Mapping[str, SecretBytes]], bytes]]] = {
    "docker-config": docker_config.build,
    "kubeconfig": kubeconfig.build,
    "maven-settings": maven_settings.build,
    "netrc": netrc.build,
}
_SECRETS: Final[Mapping[str, Callable[[bytes], tuple[bytes, ...]]]] = {
    "acme-dns.json": acme_dns.secrets_in,
    "kubeconfig": kubeconfig.secrets_in,
    "settings.xml": maven_settings.secrets_in,
}
_JOINED: Final[Mapping[str, Callable[[bytes, bytes], bytes | None]]] = {
    "auth.json": docker_config.joined,
    "config.json": docker_config.joined,
    "netrc": netrc.joined,
}
_CHECKS: Final[Mapping[str, Callable[[bytes], None]]] = {
    "acme-dns.json": acme_dns.check,
    "kubeconfig": kubeconfig.check,
    "settings.xml": maven_settings.check,
}


def build(builder: str, fields: Mapping[str, SecretBytes]) -> SecretBytes:
    """The content of the file that `builder`, one of BUILDERS, makes of these fields; raises UnfitFile."""
    return SecretBytes(BUILDERS[builder](fields))


def check(name: str, content: SecretBytes) -> None:
    """Raise UnfitFile where a file of this name can't be what its readers need; repeats none of it.

    Files of other names are taken as they are.
    """
    if name in _CHECKS:
        _CHECKS[name](content.reveal())


def secrets_in(name: str, content: SecretBytes) -> tuple[bytes, ...]:
    """The parts of a checked file that are secret by themselves, so that they are known where they appear."""
    return _SECRETS[name](content.reveal()) if name in _SECRETS else ()


def joined(name: str, one: SecretBytes, other: SecretBytes) -> SecretBytes | None:
    """Two built files of this name as one, for programs that read only one; None where they can't be."""
    content = _JOINED[name](one.reveal(), other.reveal()) if name in _JOINED else None
    return None if content is None else SecretBytes(content)

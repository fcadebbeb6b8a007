"""The least privileges of each cloud's credentials by purpose, and the policies that grant them (SPEC B9)."""

import difflib
from functools import cache
from importlib.resources import files

from credentials.errors import CredentialError
from credentials.privileges.reader import LeastPrivileges, Purpose, parse
from credentials.privileges.refusals import Doing, Missing

__all__ = [
    "Doing",
    "LeastPrivileges",
    "Missing",
    "NoPrivileges",
    "NoPurpose",
    "Purpose",
    "load",
    "providers",
]


class NoPrivileges(CredentialError):
    """Nothing is known about the least privileges of a provider."""

    exit_code = 4

    def __init__(self, provider: str) -> None:
        close = difflib.get_close_matches(provider, providers(), n=1)
        meant = f" (did you mean {close[0]}?)" if close else ""
        super().__init__(
            f"nothing is known about least privileges of {provider!r}{meant}",
            hint=f"they are known of {', '.join(providers())}: tic creds privileges PROVIDER",
        )


class NoPurpose(CredentialError):
    """A provider's credentials have no privileges for this purpose, or for which one has to be said."""

    def __init__(self, known: LeastPrivileges, wanted: str | None) -> None:
        purposes = ", ".join(known.purposes)
        super().__init__(
            f"{known.provider} has no privileges for {wanted!r}; it has them for {purposes}"
            if wanted
            else f"a policy of {known.provider} is for one purpose: {purposes}",
            hint=f"say which: tic creds privileges {known.provider} --for {next(iter(known.purposes))}"
            + ("" if wanted else " --format policy"),
        )


@cache
def providers() -> tuple[str, ...]:
    """The providers whose least privileges are known, by name."""
    here = files("credentials.privileges")
    return tuple(sorted(one.name[:-5] for one in here.iterdir() if one.name.endswith(".toml")))


def load(provider: str) -> LeastPrivileges:
    """The least privileges of a provider's credentials; raises NoPrivileges."""
    if provider not in providers():
        raise NoPrivileges(provider)
    return parse(provider, files("credentials.privileges").joinpath(f"{provider}.toml").read_text("utf-8"))

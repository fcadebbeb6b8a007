"""What the first identities of several providers have in common: where a token and keys are named."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from credentials.roles import answers, metadata
from credentials.roles.errors import Reason, SourceFailed
from credentials.roles.mending import not_assumed
from credentials.roles.role import Role, Source
from credentials.secret import SecretBytes


def named_token_file(environ: Mapping[str, str], variables: Sequence[str]) -> str | None:
    """The path of a token that one of these variables names, the first one first."""
    return next((environ[name] for name in variables if environ.get(name)), None)


def token_file(role: Role, environ: Mapping[str, str], variables: Sequence[str]) -> str:
    """The path of the source's token; raises SourceFailed where neither it nor a variable names one."""
    path = role.source.token_file or named_token_file(environ, variables)
    if path is None:
        raise SourceFailed(
            Reason.SOURCE_MISSING,
            f"neither the source nor {variables[0]} names a token file",
            hint="name it: tic role enable PROVIDER --source oidc:FILE",
        )
    return path


def found(
    environ: Mapping[str, str], variables: Sequence[str], machine: Callable[[], object]
) -> tuple[Source, ...]:
    """A token whose file one of these variables names, and the machine's role where `machine` finds one."""
    there: list[Source] = []
    named = named_token_file(environ, variables)
    if named is not None and Path(named).is_file():
        there.append(Source("oidc", token_file=named))
    if metadata.is_there(machine):
        there.append(Source("metadata"))
    return tuple(there)


def first_identity(
    role: Role,
    identity: Mapping[str, SecretBytes] | None,
    machine: Callable[[], Mapping[str, SecretBytes]],
    console: str,
) -> Mapping[str, SecretBytes]:
    """The fields that sign: the machine's, or the credential's; none for a token, which is its own proof.

    Raises NotAssumed where there is no credential, SourceFailed where the machine has no role.
    """
    if role.source.kind == "oidc":
        return {}
    if role.source.kind == "metadata":
        return machine()
    if identity is None:
        raise not_assumed(role, Reason.SOURCE_MISSING, console)
    return identity


def setting(role: Role, name: str, environ: Mapping[str, str], variable: str) -> str:
    """A setting that a variable may stand for; raises SourceFailed where neither is there."""
    value = role.settings.get(name) or environ.get(variable)
    if not value:
        raise SourceFailed(
            Reason.SOURCE_MISSING,
            f"neither the setting {name} nor {variable} is there",
            hint=f"give it: tic role enable PROVIDER --set {name}=VALUE",
        )
    return value


def machine_keys(answer: metadata.Answer, names: Mapping[str, str]) -> dict[str, SecretBytes]:
    """The keys in a metadata service's answer, by field; `names` are theirs there. Raises SourceFailed."""
    told: Mapping[str, Any] = answer.json()
    keys = {field: told.get(name) for field, name in names.items()}
    if told.get("Code") != "Success" or not all(isinstance(key, str) and key for key in keys.values()):
        raise metadata.absent("the machine's role has no keys there")
    return {field: SecretBytes(str(key).encode()) for field, key in keys.items()}


def region(
    role: Role, identity: Mapping[str, SecretBytes], environ: Mapping[str, str], variable: str
) -> dict[str, SecretBytes]:
    """The field `region` of the sessions: the role's setting, the credential's, the variable's; or none."""
    if given := answers.region(role, identity):
        return given
    return {"region": SecretBytes(environ[variable].encode())} if environ.get(variable) else {}

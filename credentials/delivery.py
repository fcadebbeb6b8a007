"""Which variables and private files a credential makes, for a run and for a command. Pure: writes nothing.

A run gets what Pulumi's providers read and nothing else. A command is any program, so it gets the older names
of the same variables too, and of a kind that only DNS providers read, what lego reads.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from credentials import kinds, slots
from credentials.credential import Credential, OpenedCredential
from credentials.errors import CredentialError
from credentials.files import check, joined, secrets_in
from credentials.kinds import Kind
from credentials.kinds.delivery import DeliveredFile
from credentials.secret import SecretBytes

REGION: Final = "region"
"""The field that says where something is done, not who does it: a command keeps the user's own."""

OTHER_IDENTITIES: Final[Mapping[str, tuple[str, ...]]] = {
    "ALICLOUD_ACCESS_KEY": (
        "ALIBABA_CLOUD_CREDENTIALS_FILE", "ALIBABA_CLOUD_ECS_METADATA", "ALIBABA_CLOUD_OIDC_PROVIDER_ARN",
        "ALIBABA_CLOUD_OIDC_TOKEN_FILE", "ALIBABA_CLOUD_PROFILE", "ALIBABA_CLOUD_ROLE_ARN",
        "ALICLOUD_ASSUME_ROLE_ARN", "ALICLOUD_ECS_ROLE_NAME", "ALICLOUD_PROFILE", "ALICLOUD_RAM_ROLE",
        "ALICLOUD_SHARED_CREDENTIALS_FILE",
    ),
    "AWS_ACCESS_KEY_ID": (
        "AWS_ASSUME_ROLE_ARN", "AWS_CONTAINER_AUTHORIZATION_TOKEN", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "AWS_CREDENTIAL_EXPIRATION", "AWS_DEFAULT_PROFILE", "AWS_EXTERNAL_ID", "AWS_ROLE_ARN",
        "AWS_ROLE_SESSION_NAME", "AWS_SECURITY_TOKEN", "AWS_WEB_IDENTITY_TOKEN_FILE",
    ),
    "AZURE_CLIENT_ID": (
        "ARM_OIDC_REQUEST_TOKEN", "ARM_OIDC_REQUEST_URL", "ARM_OIDC_TOKEN", "ARM_OIDC_TOKEN_FILE_PATH",
        "ARM_USE_CLI", "ARM_USE_OIDC", "AZURE_CLIENT_CERTIFICATE_PASSWORD", "AZURE_FEDERATED_TOKEN_FILE",
        "AZURE_PASSWORD", "AZURE_USERNAME",
    ),
    "DOCKER_CONFIG": ("DOCKER_AUTH_CONFIG",),
    "TENCENTCLOUD_SECRET_ID": (
        "TENCENTCLOUD_ASSUME_ROLE_ARN", "TENCENTCLOUD_ASSUME_ROLE_EXTERNAL_ID", "TENCENTCLOUD_CAM_ROLE_NAME",
        "TENCENTCLOUD_PROFILE", "TENCENTCLOUD_SHARED_CREDENTIALS_DIR",
    ),
}  # fmt: skip
"""What makes a program take another identity than the one in the variable, and no field fills."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """`variables` by name, `files` whose variables get a path, and `others`: what else the same kinds read.

    `secrets` is what must be seen nowhere: the secret fields, and what is secret in the files by itself.
    """

    variables: Mapping[str, SecretBytes]
    files: tuple[DeliveredFile, ...]
    others: frozenset[str]
    secrets: tuple[bytes, ...]


class Clash(CredentialError):
    """Two credentials fill the same variable, so one of them would silently not be used."""

    exit_code = 3

    def __init__(self, variable: str) -> None:
        super().__init__(
            f"two of these credentials fill {variable}, each with a value of its own",
            hint="use one of them at a time",
        )


class NothingToDeliver(CredentialError):
    """The credential makes neither a variable nor a file."""

    def __init__(self, credential: Credential, names: Collection[str]) -> None:
        """`names` are those of the fields that it has."""
        name, kind = credential.name, kinds.load(credential.kind)
        absent = [need for file in kind.built for need in file.needs if need not in names]
        if absent:
            message = f"without {absent[0]}, {name!r} ({kind.name}) makes nothing that a command could read"
            hint = f"give it: tic creds rotate {name} --field {absent[0]}=VALUE"
        else:
            message = f"{name!r} ({kind.name}) makes neither a variable nor a file"
            hint = f"send a message with it: tic creds notify {name} MESSAGE"
            if kind.group != "im":
                hint = f"see what it is for: tic creds kinds --kind {kind.name}"
        super().__init__(message, hint=hint)


def check_command(credential: Credential, names: Collection[str]) -> None:
    """Raise NothingToDeliver where a command gets nothing of a credential with fields of these names.

    What is in them need not be known, so nothing has to be opened for this.
    """
    kind = kinds.load(credential.kind)
    fields = {name: SecretBytes(b"") for name in {*kind.defaults(), *names}}
    in_files = any((one.file_env or one.file_lego) and one.name in fields for one in kind.fields)
    built = any(all(name in fields for name in file.needs) for file in kind.built)
    if not (in_files or built or kind.environment(fields) or kind.lego_environment(fields)):
        raise NothingToDeliver(credential, fields)


def for_run(opened: Iterable[OpenedCredential]) -> Delivery:
    """What the engine of a run gets of the stack's credentials; raises Clash, UnfitFile."""
    return for_stack([("", each) for each in opened])


def for_stack(served: Iterable[tuple[str, OpenedCredential]]) -> Delivery:
    """The same of credentials and their slots (`credentials.slots`); "" is the provider's own.

    What the provider's own credential fills and the slot's does not is there empty under the slot's name:
    else an instance of the provider would work with a part of each.
    """
    made = [(slot, each.credential.kind, _for_run(each)) for slot, each in served]
    own = {kind: _names(delivery) for slot, kind, delivery in made if not slot}
    return _joined([_in_slot(slot, delivery, _others(own, kind)) for slot, kind, delivery in made])


def for_command(opened: Iterable[OpenedCredential]) -> Delivery:
    """What a command gets of these credentials; raises NothingToDeliver, Clash, UnfitFile."""
    return _joined([_for_command(each) for each in opened])


def environment(delivery: Delivery, environ: Mapping[str, str], paths: Mapping[str, str]) -> dict[str, str]:
    """The environment of a command: the user's own, where no identity of another credential is left.

    `paths` holds the variables that name a file.
    """
    kept = {name: value for name, value in environ.items() if name not in delivery.others}
    given = {name: value.reveal().decode() for name, value in delivery.variables.items()}
    return {**kept, **given, **paths}


def _in_slot(slot: str, delivery: Delivery, own: Collection[str]) -> Delivery:
    """What a credential makes, under the names of its slot."""
    if not slot:
        return delivery
    mark = slots.mark(slot)
    empty = {name: SecretBytes(b"") for name in own if name not in _names(delivery)}
    return replace(
        delivery,
        variables={mark + name: value for name, value in {**empty, **delivery.variables}.items()},
        files=tuple(replace(file, env=tuple(mark + name for name in file.env)) for file in delivery.files),
    )


def _names(delivery: Delivery) -> set[str]:
    """Every variable that is set, those with a path too."""
    return {*delivery.variables, *(name for file in delivery.files for name in file.env)}


def _others(own: Mapping[str, Collection[str]], kind: str) -> set[str]:
    """What the provider's own credential fills and tells who somebody is; where it works a slot may share."""
    where = kinds.load(kind).field(REGION)
    return set(own.get(kind, ())) - set(where.env if where else ())


def _for_run(opened: OpenedCredential) -> Delivery:
    kind = kinds.load(opened.credential.kind)
    return _delivery(kind, opened, kind.environment(opened.fields), kind.files(opened.fields))


def _for_command(opened: OpenedCredential) -> Delivery:
    kind, fields = kinds.load(opened.credential.kind), opened.fields
    variables, files = kind.environment(fields), kind.files(fields)
    if not variables and not files:
        variables, files = kind.lego_environment(fields), kind.lego_files(fields)
    if not variables and not files:
        raise NothingToDeliver(opened.credential, fields)
    older = {alias: fields[one.name] for one in kind.fields if one.name in fields for alias in one.aliases}
    names = {one.file_name or one.name: one.file_aliases for one in kind.fields if one.file_aliases}
    files = tuple(replace(file, env=(*file.env, *names.get(file.name, ()))) for file in files)
    return _delivery(kind, opened, older | variables, files)


def _delivery(
    kind: Kind,
    opened: OpenedCredential,
    variables: Mapping[str, SecretBytes],
    files: tuple[DeliveredFile, ...],
) -> Delivery:
    secrets = [
        opened.fields[one.name].reveal() for one in kind.fields if one.secret and one.name in opened.fields
    ]
    for file in files:
        check(file.name, file.content)
    for file in (*files, *kind.lego_files(opened.fields)):
        secrets += secrets_in(file.name, file.content)
    return Delivery(variables, files, _readable(kind), tuple(secrets))


def _readable(kind: Kind) -> frozenset[str]:
    """Every variable that programs read an identity of this kind from."""
    names: set[str] = set()
    for one in kind.fields:
        if not one.tuning and one.name != REGION:
            names.update(one.variables, one.file_variables)
    names.update(name for file in kind.built for name in file.env)
    for variable, others in OTHER_IDENTITIES.items():
        if variable in names:
            names.update(others)
    return frozenset(names)


def _joined(deliveries: Sequence[Delivery]) -> Delivery:
    variables: dict[str, SecretBytes] = {}
    files: dict[tuple[str, ...], DeliveredFile] = {}
    for each in deliveries:
        for name, value in each.variables.items():
            if variables.setdefault(name, value) != value:
                raise Clash(name)
        for file in each.files:
            files[file.env] = _beside(files[file.env], file) if file.env in files else file
    named = [name for env in files for name in env]
    for name in named:
        if named.count(name) > 1 or name in variables:
            raise Clash(name)
    others = frozenset[str]().union(*(each.others for each in deliveries))
    secrets = tuple(secret for each in deliveries for secret in each.secrets)
    return Delivery(variables, tuple(files.values()), others, secrets)


def _beside(one: DeliveredFile, other: DeliveredFile) -> DeliveredFile:
    content = one.content if one == other else joined(one.name, one.content, other.content)
    if one.name != other.name or content is None:
        raise Clash(one.env[0])
    return replace(one, content=content)

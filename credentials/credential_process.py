"""What AWS's `credential_process` prints (AWS SDKs and Tools Reference Guide, "Process credentials")."""

from credentials.credential import OpenedCredential
from credentials.errors import CredentialError

KIND = "aws"


class NotForProcess(CredentialError):
    """The credential is of another provider than AWS."""

    def __init__(self, name: str, kind: str) -> None:
        super().__init__(
            f"{name!r} is of the kind {kind}, and credential_process is AWS's",
            hint=f"run a command with it: tic creds exec {name} -- COMMAND",
        )


class NoKey(CredentialError):
    """The credential holds no key, but names where this machine has one."""

    exit_code = 3

    def __init__(self, name: str) -> None:
        super().__init__(
            f"{name!r} holds no access key; it names the place of one, which AWS's tools read by themselves",
            hint=f"run a command with it: tic creds exec {name} -- COMMAND",
        )


def check(name: str, kind: str) -> None:
    """Raise NotForProcess unless the kind is AWS."""
    if kind != KIND:
        raise NotForProcess(name, kind)


def answer(opened: OpenedCredential) -> dict[str, object]:
    """The JSON object, version 1; raises NoKey.

    It has no `Expiration`: a key of its own never expires, and when a session token does is not known.
    """
    if "access-key-id" not in opened.fields:
        raise NoKey(opened.credential.name)
    fields = {name: value.reveal().decode() for name, value in opened.fields.items()}
    said: dict[str, object] = {
        "Version": 1,
        "AccessKeyId": fields["access-key-id"],
        "SecretAccessKey": fields["secret-access-key"],
    }
    if "session-token" in fields:
        said["SessionToken"] = fields["session-token"]
    return said

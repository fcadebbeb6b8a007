"""What AWS's `credential_process` prints (AWS SDKs and Tools Reference Guide, "Process credentials")."""

from credentials.credential import OpenedCredential
from credentials.errors import CredentialError

KIND = "aws"


class NotForProcess(CredentialError):
    """The credential is of another provider than AWS."""

    def __init__(self, name: str, kind: str) -> None:
        super().__init__(
            f"{name!r} is a {kind} credential, and credential_process is AWS's",
            hint=f"run a command with it: tic creds exec {name} -- COMMAND",
        )


def check(name: str, kind: str) -> None:
    """Raise NotForProcess unless the kind is AWS."""
    if kind != KIND:
        raise NotForProcess(name, kind)


def answer(opened: OpenedCredential) -> dict[str, object]:
    """The JSON object, version 1. A key of its own has no end, so there is no `Expiration`."""
    fields = {name: value.reveal().decode() for name, value in opened.fields.items()}
    said: dict[str, object] = {
        "Version": 1,
        "AccessKeyId": fields["access-key-id"],
        "SecretAccessKey": fields["secret-access-key"],
    }
    if "session-token" in fields:
        said["SessionToken"] = fields["session-token"]
    return said

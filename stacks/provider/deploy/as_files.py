"""A certificate as files: their names and modes, and what each holds; for a folder here or on a host."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from stacks.provider.deploy import bundle
from stacks.provider.deploy.bundle import Bundle
from stacks.provider.deploy.files import File, Seen
from stacks.provider.properties import Change, Checked, Failure, Kind, Output, Property, Refused
from stacks.provider.resource import ResourceType, Values
from stacks.provider.values import is_unknown

NAMES = {
    "certificateFile": "cert.pem",
    "chainFile": "chain.pem",
    "fullchainFile": "fullchain.pem",
    "privateKeyFile": "privkey.pem",
}


MATERIAL = tuple(
    each
    if each.name != "privateKeyPem"
    else replace(
        each,
        required=False,
        description="Its private key, in PEM. Without it only what is public is written, as for a CSR of "
        "your own whose key is there already.",
    )
    for each in bundle.MATERIAL
)
"""As every target's, but the key may be missing."""


def file_name(given: str) -> str:
    """A name without a folder, that is not one of the names beside which files are written."""
    if given in {"", ".", ".."} or "/" in given or "\0" in given or given.startswith("."):
        raise Refused("must be a plain file name that does not begin with a dot")
    return given


def public_mode(given: str) -> str:
    """Octal digits; nobody but the owner may write."""
    mode = _octal(given)
    if not 0 <= mode <= 0o777 or mode & 0o133 or not mode & 0o400:
        raise Refused("must let the owner read, and let nobody execute it and nobody else write it")
    return f"{mode:04o}"


def key_mode(given: str) -> str:
    """Octal digits; others may not even read."""
    mode = _octal(public_mode(given))
    if mode & 0o007:
        raise Refused("must be closed to others: 0600, or 0640 for a server that reads it through its group")
    return f"{mode:04o}"


def _octal(given: str) -> int:
    try:
        return int(given, 8)
    except ValueError:
        raise Refused("must be octal digits, as 0644") from None


PROPERTIES = (
    *(
        Property(
            each,
            Kind.STRING,
            "The name of this file.",
            default=name,
            change=Change.UPDATE,
            rule=file_name,
        )
        for each, name in NAMES.items()
    ),
    Property(
        "fileMode",
        Kind.STRING,
        "The mode of what is public, in octal.",
        default="0644",
        change=Change.UPDATE,
        rule=public_mode,
    ),
    Property(
        "privateKeyMode",
        Kind.STRING,
        "The mode of the private key's file, in octal.",
        default="0600",
        change=Change.UPDATE,
        rule=key_mode,
    ),
)
OUTPUTS = (
    Output("files", Kind.OBJECT, "SHA-256 of each file as it was written, by name."),
    Output("serial", Kind.STRING, "The serial number of the deployed certificate, in hexadecimal."),
    Output("madeFolder", Kind.BOOLEAN, "Whether the folder was made here, and goes when it is empty."),
    Output(
        "drift",
        Kind.STRINGS,
        "Files that a refresh found changed, missing or of another mode; the next run writes them again.",
        optional=True,
    ),
)


class CertificateFiles(ResourceType):
    """What a folder of this machine and one of a host have in common; a subclass writes and reads them."""

    outputs = OUTPUTS
    unsettled = ("drift",)

    def check(self, given: Values) -> Checked:
        """Besides each property's own rules: no two files of one name."""
        checked = super().check(given)
        seen: dict[str, str] = {}
        for each in NAMES:
            name = checked.inputs.get(each)
            if isinstance(name, str) and (other := seen.setdefault(name, each)) != each:
                checked.failures.append(Failure(each, f"is the same name as {other}"))
        return checked

    def preview_update(self, state: Values, inputs: Values) -> dict[str, Any]:
        """What is known once the certificate is."""
        if any(is_unknown(inputs.get(each.name)) for each in MATERIAL):
            return {**self.preview_create(inputs), "madeFolder": state.get("madeFolder"), "drift": None}
        return {**self.kept(state), "drift": None}

    def compared(self, state: Values, found: Mapping[str, Seen | None]) -> dict[str, Any] | None:
        """The outputs where the files are these now; None where none is left."""
        if not any(found.values()):
            return None
        modes = dict.fromkeys(state["files"], int(state["fileMode"], 8))
        modes[state["privateKeyFile"]] = int(state["privateKeyMode"], 8)
        drift = sorted(
            name for name, digest in state["files"].items() if found[name] != Seen(digest, modes[name])
        )
        return {**self.kept(state), "drift": drift or None}


def files(inputs: Values, sent: Bundle) -> list[File]:
    """What to write; the key first, where there is one."""
    public, private = int(inputs["fileMode"], 8), int(inputs["privateKeyMode"], 8)
    key = File(inputs["privateKeyFile"], sent.private_key_pem.encode(), private)
    return [
        *([key] if sent.private_key_pem else []),
        File(inputs["certificateFile"], sent.certificate_pem.encode(), public),
        File(inputs["chainFile"], sent.chain_pem.encode(), public),
        File(inputs["fullchainFile"], sent.fullchain_pem.encode(), public),
    ]

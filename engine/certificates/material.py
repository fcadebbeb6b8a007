"""A certificate with its key, opened from the sealed state; the audit log knows of it first."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from engine.certificates.listing import CertificateUnknown, Listed

if TYPE_CHECKING:
    from engine.installation import Installation

ACCOUNT = ("directoryUrl", "accountUri", "accountKeyPem", "caCertificates")


@dataclass(frozen=True, slots=True)
class Material:
    """Certificate, chain and key in PEM; None where the key is its owner's, who had a CSR of their own.

    `account` is what talks to the CA for it, under the names of a Certificate's inputs. Neither key is shown
    by a repr.
    """

    certificate_pem: str
    chain_pem: str
    private_key_pem: str | None = field(repr=False)
    account: Mapping[str, Any] = field(repr=False)


def public(installation: "Installation", one: Listed) -> tuple[str, str]:
    """Certificate and chain, in PEM; opens nothing."""
    outputs = _resource(installation, one).get("outputs") or {}
    return str(outputs["certificatePem"]), str(outputs.get("chainPem") or "")


def holds_key(installation: "Installation", one: Listed) -> bool:
    """Whether the state has the certificate's key; opens nothing."""
    return (_resource(installation, one).get("inputs") or {}).get("privateKeyPem") is not None


def opened(installation: "Installation", one: Listed, act: str) -> Material:
    """The certificate with its keys, for `act` ("export", "revoke"), which the audit log names.

    Raises SealedElsewhere where another secrets provider of Pulumi's sealed the state, CertificateUnknown
    where it is gone.
    """
    from credentials.audit import Event
    from engine.state.sealing import opened_value

    resource = _resource(installation, one)
    inputs = opened_value(resource.get("inputs") or {}, installation.vault, one.stack_id)
    detail = {"certificate": one.kept.name, "serial": one.kept.held.serial}
    installation.vault.note(Event(f"certificate.{act}", "done", stack=one.stack, detail=detail))
    outputs = resource.get("outputs") or {}
    account = {name: inputs[name] for name in ACCOUNT if inputs.get(name) is not None}
    return Material(
        str(outputs["certificatePem"]),
        str(outputs.get("chainPem") or ""),
        inputs.get("privateKeyPem"),
        account,
    )


def _resource(installation: "Installation", one: Listed) -> dict[str, Any]:
    from engine.state import checkpoints
    from engine.state.sealing import require_sealed_here

    with installation.database.read() as connection:
        deployment = checkpoints.deployment(connection, one.stack_id)
    require_sealed_here(deployment)
    for resource in deployment.get("resources") or ():
        if resource.get("urn") == one.kept.urn and not resource.get("delete"):
            return dict(resource)
    raise CertificateUnknown(
        f"the certificate {one.full_name} is gone", hint="see which there are: tic cert list"
    )

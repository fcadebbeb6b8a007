"""Where certificates are served, whether what is served there is what was issued (E3), and whether the CA has
revoked it since.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from engine.certificates.kept import TYPE, stand
from engine.certificates.listing import Listed, again
from stacks.revocation.asking import Asking
from stacks.revocation.verdict import Revoked, Said
from stacks.serving.comparison import Finding, Issued, check
from stacks.serving.endpoint import Endpoint

if TYPE_CHECKING:
    from engine.installation import Installation

ENDPOINT = "tic:deploy/endpoint:Endpoint"
AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Served:
    """What one place shows of a certificate; `declared` by its stack or the caller, else guessed."""

    certificate: Listed
    endpoint: Endpoint
    declared: bool
    findings: tuple[Finding, ...]

    @property
    def good(self) -> bool:
        """Whether every address serves it."""
        return all(each.served for each in self.findings)


@dataclass(frozen=True, slots=True)
class Present:
    """A certificate as its stack has it now: the texts in PEM, and where its stack says that it is served."""

    certificate: Listed
    certificate_pem: str
    chain_pem: str
    declared: tuple[Endpoint, ...]


@dataclass(frozen=True, slots=True)
class Question:
    """One certificate, one place."""

    certificate: Listed
    endpoint: Endpoint
    declared: bool
    issued: Issued


def present(installation: "Installation", chosen: Sequence[Listed]) -> list[Present]:
    """The chosen ones that the states of their stacks have; each state is read once."""
    from engine.state import checkpoints

    found: list[Present] = []
    for stack_id in dict.fromkeys(each.stack_id for each in chosen):
        with installation.database.read() as connection:
            resources = checkpoints.deployment(connection, stack_id).get("resources") or []
        by_urn = {each["urn"]: each for each in resources if not each.get("delete")}
        for one in chosen:
            if one.stack_id == stack_id and one.kept.urn in by_urn:
                resource = by_urn[one.kept.urn]
                outputs = resource.get("outputs") or {}
                declared = tuple(declared_places(by_urn.values(), resource))
                found.append(Present(one, outputs["certificatePem"], outputs.get("chainPem") or "", declared))
    return found


def questions(chosen: Iterable[Present], places: Sequence[Endpoint] = ()) -> list[Question]:
    """Where to look for each certificate: at `places`, else where its stack's Endpoints say, else at each of
    its names that is no wildcard, port 443.
    """
    asked = []
    for one in chosen:
        issued = Issued.of(one.certificate_pem, one.chain_pem)
        where = places or one.declared or tuple(_guessed(one.certificate.kept.names))
        told = bool(places or one.declared)
        asked += [Question(one.certificate, place, told, issued) for place in dict.fromkeys(where)]
    return asked


def revocations(installation: "Installation", chosen: Sequence[Present]) -> list[tuple[Listed, Said]]:
    """Ask the CAs whether they have revoked them, where a certificate says how to ask.

    What is heard is kept beside the certificate, and another is wanted in its place, as after `tic cert
    revoke`. One that was revoked from here is not asked for. Returns each with what was said.
    """
    asking, now = Asking(), datetime.now(UTC)

    def ask(one: Present) -> tuple[Listed, Said]:
        if one.certificate.standing.revoked_at is not None:
            return one.certificate, Said()
        said = asking.ask(one.certificate_pem, one.chain_pem, now)
        return _revoked(installation, one.certificate, said.revoked), said

    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="revoked") as pool:
        return list(pool.map(ask, chosen))


def _revoked(installation: "Installation", one: Listed, revoked: Revoked | None) -> Listed:
    """The certificate with what is known now; what was renewed meanwhile is left alone."""
    if revoked is None:
        return one
    with installation.database.write() as connection:
        here = again(connection, one)
        if here is not None:
            wanted = max(here.standing.wanted_epoch or 0, here.kept.held.epoch + 1)
            standing = replace(here.standing, revoked_at=revoked.since, wanted_epoch=wanted)
            stand(connection, here.id, here.kept, standing)
    return replace(one, standing=replace(one.standing, revoked_at=revoked.since))


def look(asked: Sequence[Question]) -> Iterator[Served]:
    """Look, at several places at once; told in their order."""
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="place") as pool:
        for question, findings in zip(
            asked, pool.map(lambda each: check(each.endpoint, each.issued), asked), strict=True
        ):
            yield Served(question.certificate, question.endpoint, question.declared, tuple(findings))


def declared_places(resources: Collection[dict[str, Any]], certificate: dict[str, Any]) -> Iterator[Endpoint]:
    """Where the Endpoints of a state say that this certificate of it is served.

    One that a run did not come to, as a deployment before it failed, has the former certificate still: that
    one is known by what its `certificatePem` was taken from.
    """
    issued = [_pem(each) for each in resources if each["type"] == TYPE]
    sources = {certificate["urn"], certificate.get("parent") or certificate["urn"]}
    for each in resources:
        inputs = each.get("inputs") or {}
        if each["type"] == ENDPOINT and isinstance(inputs["address"], str):  # else a secret
            has = inputs.get("certificatePem")
            taken_from = (each.get("propertyDependencies") or {}).get("certificatePem") or ()
            if has == _pem(certificate) or (has not in issued and not sources.isdisjoint(taken_from)):
                yield Endpoint.read(inputs["address"])


def _pem(certificate: dict[str, Any]) -> str | None:
    return (certificate.get("outputs") or {}).get("certificatePem")


def _guessed(names: Iterable[str]) -> Iterator[Endpoint]:
    return (Endpoint.read(each) for each in names if not each.startswith("*."))

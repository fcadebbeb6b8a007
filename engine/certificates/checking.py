"""Where certificates are served, and whether what is served there is what was issued (E3)."""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.certificates.listing import Listed
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
class Question:
    """One certificate, one place."""

    certificate: Listed
    endpoint: Endpoint
    declared: bool
    issued: Issued


def questions(
    installation: "Installation", chosen: Sequence[Listed], places: Sequence[Endpoint] = ()
) -> list[Question]:
    """Where to look for each certificate: at `places`, else where its stack's Endpoints say, else at each of
    its names that is no wildcard, port 443.
    """
    from engine.state import checkpoints

    asked: list[Question] = []
    for stack_id in dict.fromkeys(each.stack_id for each in chosen):
        with installation.database.read() as connection:
            resources = checkpoints.deployment(connection, stack_id).get("resources") or []
        by_urn = {each["urn"]: each for each in resources if not each.get("delete")}
        for one in chosen:
            if one.stack_id == stack_id and one.kept.urn in by_urn:
                asked += _of_one(one, by_urn, places)
    return asked


def look(asked: Sequence[Question]) -> Iterator[Served]:
    """Look, at several places at once; told in their order."""
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="place") as pool:
        for question, findings in zip(
            asked, pool.map(lambda each: check(each.endpoint, each.issued), asked), strict=True
        ):
            yield Served(question.certificate, question.endpoint, question.declared, tuple(findings))


def _of_one(one: Listed, by_urn: dict[str, Any], places: Sequence[Endpoint]) -> Iterator[Question]:
    outputs = by_urn[one.kept.urn].get("outputs") or {}
    certificate_pem = outputs["certificatePem"]
    issued = Issued.of(certificate_pem, outputs.get("chainPem") or "")
    declared = () if places else tuple(_declared(by_urn.values(), certificate_pem))
    where = places or declared or tuple(_guessed(one.kept.names))
    for place in dict.fromkeys(where):
        yield Question(one, place, bool(places or declared), issued)


def _declared(resources: Iterable[dict[str, Any]], certificate_pem: str) -> Iterator[Endpoint]:
    for each in resources:
        inputs = each.get("inputs") or {}
        if each["type"] == ENDPOINT and inputs.get("certificatePem") == certificate_pem:
            yield Endpoint.read(inputs["address"])


def _guessed(names: Iterable[str]) -> Iterator[Endpoint]:
    return (Endpoint.read(each) for each in names if not each.startswith("*."))

"""What a CA has revoked is known of it after `tic cert check`, and another is wanted in its place (E3)."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from engine.certificates import checking, kept, listing
from engine.certificates.listing import Listed
from engine.installation import Installation
from engine.state import stacks, versions
from engine.state.versions import Checkpoint
from tests.engine.moved_states import installation
from tests.stacks.revocation.authority import NOW, REVOKED_AT, Authority, authority, pem


@pytest.fixture
def ca() -> Iterator[Authority]:
    with authority() as made:
        yield made


@pytest.fixture
def home(tmp_path: Path) -> Installation:
    return installation(tmp_path)


def certificate(
    ca: Authority, name: str, serial: int, *, lists: bool = True, epoch: int = 1
) -> dict[str, Any]:
    return {
        "urn": f"urn:pulumi:dev::proj::{kept.TYPE}::{name}",
        "type": kept.TYPE,
        "inputs": {"domains": [f"*.{name}.example"], "directoryUrl": "https://ca.example/directory"},
        "outputs": {
            "certificatePem": pem(ca.issued(serial, lists=lists)),
            "chainPem": pem(ca.certificate),
            "epoch": epoch,
            "serial": f"{serial:x}",
            "issuer": "CN=authority",
            "notBefore": NOW.isoformat(),
            "notAfter": NOW.replace(year=NOW.year + 1).isoformat(),
        },
    }


def listed(home: Installation, *resources: dict[str, Any]) -> list[Listed]:
    """After a version of the stack that has these."""
    with home.database.write() as connection:
        found = stacks.list_all(connection)
        stack = found[0] if found else stacks.create(connection, "proj", "dev")
        version = versions.newest(connection, stack.id).version + 1
        versions.save(
            connection, stack.id, version, Checkpoint(version, 3, (), {"resources": list(resources)})
        )
        return listing.every(connection)


def test_one_that_its_ca_has_revoked_is_listed_so_and_due(home: Installation, ca: Authority) -> None:
    ca.answers["/crl"] = lambda _: (200, ca.crl(8))
    chosen = listed(
        home, certificate(ca, "a", 7), certificate(ca, "b", 8), certificate(ca, "c", 9, lists=False)
    )
    said = checking.revocations(home, checking.present(home, chosen))
    assert [each.revoked is not None for _, each in said] == [False, True, False]
    with home.database.read() as connection:
        a, b, c = listing.every(connection)
        assert listing.revoked(connection) == [b]
    assert b.standing.revoked_at == REVOKED_AT
    assert [each.status(datetime.now(UTC)) for each in (a, b, c)] == ["valid", "revoked", "valid"]
    assert b.due_at < NOW < a.due_at
    assert ca.asked == ["/crl"]
    checking.revocations(home, checking.present(home, [b]))
    assert ca.asked == ["/crl"]


def test_one_that_is_renewed_while_its_ca_is_asked_is_not_revoked(home: Installation, ca: Authority) -> None:
    def answer(_: bytes) -> tuple[int, bytes]:
        listed(home, certificate(ca, "a", 9, epoch=2))
        return 200, ca.crl(7)

    ca.answers["/crl"] = answer
    checking.revocations(home, checking.present(home, listed(home, certificate(ca, "a", 7))))
    with home.database.read() as connection:
        (one,) = listing.every(connection)
    assert (one.kept.held.serial, one.standing.revoked_at) == ("9", None)

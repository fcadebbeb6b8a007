"""The table of certificates is what the states hold, after every version that is written."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, insert, text

from engine.certificates import kept, listing
from engine.certificates.kept import Standing
from engine.certificates.listing import CertificateAmbiguous, CertificateUnknown
from engine.state import stacks, versions
from engine.state.stacks import Stack
from engine.state.tables import CERTIFICATE
from engine.state.versions import Checkpoint

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


def certificate(name: str = "www", serial: str = "0a", epoch: int = 1, stack: str = "dev") -> dict[str, Any]:
    return {
        "urn": f"urn:pulumi:{stack}::proj::{kept.TYPE}::{name}",
        "type": kept.TYPE,
        "custom": True,
        "id": "order",
        "inputs": {"domains": ["a.example", "*.a.example"], "directoryUrl": "https://ca.example/directory"},
        "outputs": {
            "epoch": epoch,
            "serial": serial,
            "issuer": "CN=ca",
            "notBefore": BEGIN.isoformat(),
            "notAfter": (BEGIN + timedelta(days=90)).isoformat(),
        },
    }


def save(connection: Connection, stack: Stack, *resources: Any) -> None:
    version = versions.newest(connection, stack.id).version + 1
    versions.save(connection, stack.id, version, Checkpoint(version, 3, (), {"resources": list(resources)}))


@pytest.fixture
def stack(connection: Connection) -> Stack:
    return stacks.create(connection, "proj", "dev")


def rows(connection: Connection) -> list[tuple[str, str]]:
    return [(each.kept.name, each.kept.held.serial) for each in listing.every(connection)]


def test_what_a_version_holds_is_what_is_listed(connection: Connection, stack: Stack) -> None:
    save(connection, stack, certificate("a", "1"), certificate("b", "2"), {"urn": "x", "type": "other"})
    assert rows(connection) == [("a", "1"), ("b", "2")]
    save(connection, stack, certificate("b", "3", epoch=2))
    assert rows(connection) == [("b", "3")]
    save(connection, stack)
    assert rows(connection) == []


def test_what_is_known_besides_stays_until_another_certificate_takes_its_place(
    connection: Connection, stack: Stack
) -> None:
    save(connection, stack, certificate())
    (one,) = listing.every(connection)
    later = BEGIN + timedelta(days=61)
    known = Standing(failures=2, tried_at=BEGIN, retry_at=later, problem="no", wanted_epoch=2)
    kept.stand(connection, one.id, one.kept, known)
    moved = certificate()
    moved["inputs"]["domains"] = ["*.a.example", "a.example"]
    save(connection, stack, moved)
    (after,) = listing.every(connection)
    assert (after.standing, after.due_at) == (known, later)
    assert kept.wanted(connection, stack.id) == {one.kept.urn: 2}
    save(connection, stack, certificate(serial="0b", epoch=2))
    (renewed,) = listing.every(connection)
    assert renewed.standing == Standing()
    assert kept.wanted(connection, stack.id) == {}


def test_a_renamed_stack_takes_what_is_known_along(connection: Connection, stack: Stack) -> None:
    save(connection, stack, certificate())
    (one,) = listing.every(connection)
    kept.stand(connection, one.id, one.kept, replace(one.standing, failures=1, problem="no"))
    stacks.rename(connection, stack.id, "proj", "live")
    (after,) = listing.every(connection)
    assert (after.stack, after.standing.failures) == ("proj/live", 1)
    assert after.kept.urn.startswith("urn:pulumi:live::")


def test_a_stack_that_is_removed_takes_its_rows_along(connection: Connection, stack: Stack) -> None:
    save(connection, stack, certificate())
    stacks.remove(connection, stack.id)
    assert rows(connection) == []


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["inputs", "outputs", "domains", "serial", "epoch", "notAfter", "delete"]),
                inner,
            )
        ),
    )
)
def test_a_certificate_that_is_none_yet_is_not_listed_and_breaks_nothing(
    connection: Connection, stack: Stack, odd: object
) -> None:
    """A state can hold anything that somebody imported."""
    one = certificate()
    one["outputs"] = odd if isinstance(odd, dict) else {"serial": odd}
    one["inputs"] = odd if isinstance(odd, dict) else {}
    assert kept.found([one, odd]) == ()


def test_a_certificate_is_meant_by_name_stack_serial_or_urn(connection: Connection, stack: Stack) -> None:
    other = stacks.create(connection, "proj", "live")
    save(connection, stack, certificate(serial="a0b1"))
    save(connection, other, certificate(serial="ff", stack="live"), certificate("api", "fe", stack="live"))
    assert listing.find(connection, "api").kept.held.serial == "fe"
    assert listing.find(connection, "dev/www").kept.held.serial == "a0b1"
    assert listing.find(connection, "proj/live/www").kept.held.serial == "ff"
    assert listing.find(connection, "00:A0:B1").stack == "proj/dev"
    assert listing.find(connection, f"urn:pulumi:live::proj::{kept.TYPE}::www").kept.held.serial == "ff"
    with pytest.raises(CertificateAmbiguous, match="proj/dev/www, proj/live/www"):
        listing.find(connection, "www")
    for unknown in ("", "/", "dev/api", "nothing", "proj/dev/", "x/y/z/www"):
        with pytest.raises(CertificateUnknown):
            listing.find(connection, unknown)


def test_what_is_due_is_found_by_an_index(connection: Connection, stack: Stack) -> None:
    """Not by reading every row, however many certificates there are."""
    save(connection, stack, certificate("a", "1"), certificate("b", "2"))
    assert listing.due(connection, BEGIN) == []
    assert len(listing.due(connection, BEGIN + timedelta(days=60))) == 2
    assert len(listing.due(connection, BEGIN + timedelta(days=60), most=1)) == 1
    if connection.dialect.name == "sqlite":
        plan = connection.execute(
            text("EXPLAIN QUERY PLAN SELECT * FROM certificate WHERE due_at <= 0 ORDER BY due_at")
        )
        assert any("certificate_due" in row.detail for row in plan)


@pytest.mark.soak
def test_what_is_due_among_a_million_is_all_that_is_found(connection: Connection, stack: Stack) -> None:
    """How long that takes is printed."""
    import time

    save(connection, stack, certificate())
    first = dict(connection.execute(CERTIFICATE.select()).mappings().one())
    batch = [
        {**first, "id": None, "urn": f"u{number}", "serial": str(number), "due_at": first["due_at"] + number}
        for number in range(1_000_000)
    ]
    for row in batch:
        del row["id"]
    connection.execute(insert(CERTIFICATE), batch)
    began = time.perf_counter()
    found = listing.due(connection, datetime.fromtimestamp(first["due_at"] + 1000.5, UTC))
    took = time.perf_counter() - began
    print(f"{len(found)} due of 1,000,001 in {took:.3f} s ({connection.dialect.name})")  # noqa: T201
    assert len(found) == 1002

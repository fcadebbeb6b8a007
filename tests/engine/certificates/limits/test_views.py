"""E1: `tic cert limits` says what is used of which limit, and when one more is possible."""

from engine.certificates.limits.ledger import (
    NEW_ORDER,
    Bucket,
    Request,
    Slot,
    busy,
    issued,
    ordered,
    refused,
)
from engine.certificates.limits.views import documented, uses

LETSENCRYPT = "https://acme-v02.api.letsencrypt.org/directory"
NOW = 1_800_000_000.0


def test_what_is_held_back_comes_first_then_the_most_used() -> None:
    ledger: dict[Slot, Bucket] = {}
    request = Request(LETSENCRYPT, "acct/1", ("www.example.com",))
    for _ in range(4):
        ledger.update(ordered(ledger, request, NOW))
        ledger.update(issued(ledger, request, NOW))
    ledger.update(ordered(ledger, request, NOW))
    ledger.update(busy(ledger, "https://ca.example/dir", NEW_ORDER, NOW + 90))

    found = [each.view() for each in uses(ledger, NOW)]

    assert [(each["limit"], each["used"], each["most"], each["under_way"]) for each in found] == [
        ("duplicates", 5, 5, 1),
        ("newOrder", None, None, 0),
        ("domain", 5, 50, 1),
        ("orders", 5, 300, 0),
    ]
    assert found[1] == {
        "ca": "the CA at ca.example",
        "directory": "https://ca.example/dir",
        "limit": "newOrder",
        "counts": None,
        "subject": None,
        "used": None,
        "most": None,
        "under_way": 0,
        "since": None,
        "possible_at": "2027-01-15T08:01:30Z",
        "waits_for_orders": False,
        "asked_by_ca": True,
        "source": None,
    }
    assert found[0]["subject"] == "www.example.com"
    assert found[0]["possible_at"] == "2027-01-16T18:00:00Z"
    assert found[2]["possible_at"] is None
    assert found[2]["source"] == "https://letsencrypt.org/docs/rate-limits/"


def test_what_waits_for_orders_under_way_says_so() -> None:
    ledger: dict[Slot, Bucket] = {}
    request = Request(LETSENCRYPT, "acct/1", ("www.example.com",))
    for _ in range(5):
        ledger.update(ordered(ledger, request, NOW))

    first = uses(ledger, NOW)[0].view()

    assert (first["limit"], first["waits_for_orders"], first["possible_at"]) == ("duplicates", True, None)


def test_what_the_ca_asked_for_is_marked_as_its_word() -> None:
    request = Request(LETSENCRYPT, "acct/1", ("www.example.com",))
    ledger = refused({}, request, NOW + 600, "too many new orders (300) from this account")

    (only,) = uses(ledger, NOW)

    assert (only.view()["asked_by_ca"], only.possible_at) == (True, NOW + 600)
    assert uses(ledger, NOW + 600) == [] or not uses(ledger, NOW + 600)[0].by_ca


def test_what_is_documented_has_its_page_and_date() -> None:
    by_name = {each["directory"]: each for each in documented()}

    known = by_name[LETSENCRYPT]
    assert known["source"] == "https://letsencrypt.org/docs/rate-limits/"
    assert known["known_from"] == "2026-08-05"
    assert {each["limit"] for each in known["limits"]} >= {"orders", "domain", "duplicates", "failures"}
    assert by_name["https://acme.zerossl.com/v2/DV90"]["limits"] == []

"""E1: a CA's limits are kept by all stacks of a home, told of when they hold something back, and listed."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.e2e.command import Tic
from tests.e2e.test_cert import deployed, listed
from tests.e2e.world import World

pytestmark = pytest.mark.server

NEW_ORDER = "POST /order-plz"


def limit(site: World, most: int, refill: int, *, per: str = "registered domain") -> None:
    """What the CA allows of certificates, as its user knows."""
    (site.tic.home / "limits.toml").write_text(
        f'[ours]\nlabel = "our CA"\ndirectories = ["{site.pebble.directory_url}"]\n\n[[ours.limit]]\n'
        'name = "certificates"\nlabel = "new certificates per domain"\ncounts = "certificates"\n'
        f'per = "{per}"\nmost = {most}\nrefill = {refill}\n'
    )


def used(site: World) -> list[tuple[object, ...]]:
    found = site.tic("cert", "limits", "--json").json()
    return [(each["ca"], each["subject"], each["used"], each["most"], each["under_way"]) for each in found]


def test_what_a_limit_holds_back_is_told_listed_and_tried_again_when_it_can_be(site: World) -> None:
    limit(site, 1, 7200)
    site.tic("stack", "up", "site")
    assert used(site) == [("our CA", "example.test", 1, 1, 0)]
    one, before, orders = listed(site), deployed(site), site.pebble.log.count(NEW_ORDER)
    assert orders

    failed = site.tic("cert", "renew", str(one["name"]), "--force", code=1)

    assert "our CA allows 1 new certificates per domain, and one more every 2 h" in failed.err
    assert "example.test has used 1 since 20" in failed.err
    assert "it is possible from 20" in failed.err
    assert "tic cert limits" in failed.err
    assert "what is deployed stays" in failed.err
    assert deployed(site) == before
    assert site.pebble.log.count(NEW_ORDER) == orders
    table = site.tic("cert", "limits")
    assert "1 of 1" in table.out
    assert "example.test" in table.out
    assert f"write that into {site.tic.home / 'limits.toml'}" in table.err

    again = datetime.fromisoformat(str(listed(site)["renew_at"]))
    assert again > datetime.now(UTC) + timedelta(hours=1)
    site.tic("cert", "renew", "--due")
    assert deployed(site) == before

    limit(site, 2, 7200)
    renewed = site.tic("cert", "renew", str(one["name"]))
    assert "is renewed" in renewed.err
    assert deployed(site) != before
    assert used(site) == [("our CA", "example.test", 2, 2, 0)]


def test_stacks_of_one_home_share_what_a_ca_allows(site: World) -> None:
    limit(site, 1, 7200)
    site.tic("stack", "up", "site")
    site.new_stack("other", domains=["www.example.test"])

    refused = site.tic("stack", "up", "other", code=1)

    assert "could not order a certificate for www.example.test now" in refused.err
    assert "example.test has used 1 since" in refused.err
    assert used(site) == [("our CA", "example.test", 1, 1, 0)]


def test_what_cas_document_is_listed_with_its_page_and_date_and_needs_no_vault(tmp_path: Path) -> None:
    tic = Tic(tmp_path / "home", tmp_path)
    table = tic("cert", "limits", "--known").out
    assert "new certificates per registered domain" in table
    assert "https://letsencrypt.org/docs/rate-limits/ (2026-08-05)" in table
    assert "ZeroSSL" in table

    tic.home.mkdir(mode=0o700)
    (tic.home / "limits.toml").write_text("[[letsencrypt.limit]]\nmost = 1\n")
    told = tic("cert", "limits", "--known", code=2)
    assert f"{tic.home / 'limits.toml'}: each [[letsencrypt.limit]] needs a name" in told.err
    assert "next: mend it, or take it away" in told.err

"""Accounts by the template and `tic cert accounts`: listed, given other keys, shared by stacks (E1)."""

import pytest

from tests.e2e.command import setting
from tests.e2e.world import World

pytestmark = pytest.mark.server


def accounts(site: World) -> list[dict[str, object]]:
    listed = site.tic("cert", "accounts", "--json").json()
    assert isinstance(listed, list)
    return listed


def audited(site: World, action: str) -> list[dict[str, object]]:
    entries = site.tic("audit", "list", "--json").json()
    assert isinstance(entries, list)
    return [each for each in entries if each["action"] == action]


def test_an_account_is_listed_with_its_terms_and_its_key_is_changed_in_place(site: World) -> None:
    assert site.tic("cert", "accounts", "--json").json() == []
    assert "no account at a CA" in site.tic("cert", "accounts").err
    site.tic("stack", "config", "set", "contacts", '["one@example.test","two@example.test"]')
    made = site.tic("stack", "up", "site")
    (one,) = accounts(site)
    assert (one["stack"], one["key_epoch"], one["stacks"]) == ("site/site", 1, ["site/site"])
    assert one["contacts"] == ["mailto:one@example.test", "mailto:two@example.test"]
    assert one["certificates"] == ["site/site/certificate"]
    assert f"was made under the terms of the CA at {one['directory']}: {one['terms']}" in made.err
    table = site.tic("cert", "accounts").out
    assert str(one["uri"]) in table
    assert "one@example.test, two@example.test" in table
    assert str(one["terms_agreed_at"])[:10] in table

    before = site.outputs()
    site.tic("stack", "config", "set", "accountKeyEpoch", "2")
    changed = site.tic("stack", "up", "site")
    assert "updated tic:acme" not in changed.err
    assert site.pebble.log.count("POST /rollover-account-key") >= 1
    assert site.outputs() == before
    (two,) = accounts(site)
    assert (two["uri"], two["key_epoch"]) == (one["uri"], 2)
    assert len(audited(site, "account.agree")) == 1
    assert len(audited(site, "account.rekey")) == 1

    done = site.tic("cert", "renew", "certificate", "--force")
    assert "is renewed" in done.err
    assert "terms" not in done.err
    site.tic("cert", "revoke", "certificate", "--yes", "--no-renew")
    site.tic("stack", "destroy", "site", "--yes")
    assert accounts(site) == []


def test_a_stack_uses_the_account_of_another_that_is_shared_with_it(site: World) -> None:
    site.tic("stack", "up", "site")
    site.tic(
        "stack", "new", "api", "--template", "certificate",
        *setting("domains", ["api.example.test"]),
        *setting("directory", site.pebble.directory_url),
        *setting("caFile", str(site.pebble.ca_file)),
        *setting("nameservers", [site.bind.address]),
        *setting("accountStack", "site/site"),
    )  # fmt: skip
    refused = site.tic("stack", "up", "api", code=1)
    assert "tic stack share site/site" in refused.err
    assert len(accounts(site)) == 1
    site.tic("stack", "share", "site/site", "api/api")
    site.tic("stack", "up", "api")
    (one,) = accounts(site)
    assert one["certificates"] == ["api/api/certificate", "site/site/certificate"]
    site.tic("stack", "config", "set", "accountKeyEpoch", "2", "--stack", "site/site")
    site.tic("stack", "up", "site/site")
    done = site.tic("cert", "renew", "api/api/certificate", "--force")
    assert "api/api/certificate is renewed" in done.err
    site.tic("cert", "revoke", "api/api/certificate", "--yes", "--no-renew")
    (one,) = accounts(site)
    assert one["key_epoch"] == 2
    told = site.tic("stack", "destroy", "site/site", code=2).err
    assert f"warning: this deactivates the account {one['uri']}, from which others have" in told
    assert "  api/api/certificate\n" in told
    assert "warning" not in site.tic("stack", "destroy", "api/api", "--yes").err
    assert "warning" not in site.tic("stack", "destroy", "site/site", "--yes").err

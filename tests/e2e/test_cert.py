"""`tic cert`: certificates are listed from a table, renewed in a run of their own, revoked, exported (E1)."""

import shutil
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from cli.cert_names import chosen
from engine.certificates.material import opened
from engine.installation import Installation
from stacks.provider.acme.authority import Access, Authorities
from tests.e2e.world import DOMAINS, World
from tests.servers.bind import TsigKey
from tests.stacks.serving.servers import serving

pytestmark = pytest.mark.server


def deployed(site: World) -> str:
    leaf = x509.load_pem_x509_certificate((site.deployed / "cert.pem").read_bytes())
    return f"{leaf.serial_number:x}"


def listed(site: World) -> dict[str, object]:
    (one,) = site.tic("cert", "list", "--json").json()
    assert isinstance(one, dict)
    return one


def test_a_certificate_is_listed_once_a_run_completes_and_gone_with_its_stack(site: World) -> None:
    assert site.tic("cert", "list", "--json").json() == []
    site.tic("stack", "up", "site")
    one = listed(site)
    assert one["stack"] == "site/site"
    assert one["status"] == "valid"
    assert one["domains"] == list(DOMAINS)
    assert one["serial"] == deployed(site)
    table = site.tic("cert", "list").out
    assert f"site/site/{one['name']}" in table
    assert "example.test" in table
    shown = site.tic("cert", "show", str(one["serial"])).out
    assert "*.example.test" in shown
    assert str(one["directory"]) in shown
    site.tic("stack", "destroy", "site", "--yes")
    assert site.tic("cert", "list", "--json").json() == []


def test_a_renewal_before_its_time_replaces_what_is_deployed(site: World) -> None:
    """With a new key; the program that is run next sees nothing to do."""
    site.tic("stack", "up", "site")
    one, before, key = listed(site), deployed(site), (site.deployed / "privkey.pem").read_bytes()
    name = str(one["name"])
    early = site.tic("cert", "renew", name)
    assert "is not due until" in early.err
    assert "--force" in early.err
    assert deployed(site) == before
    done = site.tic("cert", "renew", name, "--force")
    assert "is renewed: valid until" in done.err
    after = listed(site)
    assert deployed(site) == after["serial"] != before
    assert after["epoch"] == 2
    assert after["status"] == "valid"
    assert (site.deployed / "privkey.pem").read_bytes() != key
    assert site.bind.every_txt() == {}
    assert site.tic("stack", "up", "site").err.count("created") == 0
    assert deployed(site) == after["serial"]


def test_nothing_is_due_until_it_is(site: World) -> None:
    site.tic("stack", "up", "site")
    assert "no certificate is due" in site.tic("cert", "renew", "--due").err
    assert site.tic("cert", "list", "--due", "--json").json() == []
    # A timer that could not do it then is told so now.
    assert "nobody" in site.tic("cert", "renew", "--due", "--notify", "nobody", code=4).err
    (site.tic.home / "limits.toml").write_text("[letsencrypt")
    assert "limits.toml: can't be read" in site.tic("cert", "renew", "--due", code=2).err
    assert "limits.toml: can't be read" in site.tic("cert", "limits", code=2).err
    (site.tic.home / "limits.toml").unlink()
    assert "never its value" in site.tic("cert", "renew", "--due", "--env", "A=B", code=2).err


def test_a_renewal_that_fails_keeps_what_is_deployed_and_says_when_it_is_tried_again(site: World) -> None:
    site.tic("stack", "up", "site")
    before, one = deployed(site), listed(site)
    site.bind.accept(TsigKey(name="another"))
    failed = site.tic("cert", "renew", str(one["name"]), "--force", code=1)
    assert "was not renewed" in failed.err
    assert "what is deployed stays" in failed.err
    after = listed(site)
    assert deployed(site) == before == after["serial"]
    assert (after["status"], after["failures"]) == ("failing", 1)
    again = datetime.fromisoformat(str(after["renew_at"]))
    assert again > datetime.now(UTC)
    assert f"tried again from {again:%Y-%m-%d %H:%M} UTC on by: tic cert renew --due" in failed.err
    assert "no certificate is due" in site.tic("cert", "renew", "--due").err
    site.bind.accept(site.key)
    assert "is renewed" in site.tic("cert", "renew", str(one["name"])).err
    assert deployed(site) != before
    assert listed(site)["failures"] == 0


def test_a_revoked_certificate_is_renewed_by_the_next_run(site: World) -> None:
    """RFC 8555 7.6."""
    site.tic("stack", "up", "site")
    before = deployed(site)
    name = str(listed(site)["name"])
    refused = site.tic("cert", "revoke", name, code=2)
    assert "can't be undone" in refused.err
    site.tic("cert", "revoke", name, "--reason", "keyCompromise", "--yes")
    assert listed(site)["status"] == "revoked"
    assert site.pebble.status(int(before, 16)) == "Revoked"
    again = site.tic("cert", "revoke", name, "--yes")
    assert "was already revoked" in again.err
    site.tic("cert", "renew", "--due")
    assert deployed(site) != before
    assert listed(site)["status"] == "valid"


def test_a_revoked_certificate_is_called_so_wherever_it_is_told_of(site: World) -> None:
    """Nothing says that it is valid, or not due, while nothing is in its place."""
    site.tic("stack", "up", "site")
    name, before = str(listed(site)["name"]), deployed(site)
    site.tic("cert", "revoke", name, "--no-renew", "--yes")
    idle = site.tic("cert", "renew", "--due")
    assert f"site/site/{name} is revoked since" in idle.err
    exported = site.tic("cert", "export", name)
    assert "is revoked since" in exported.err
    assert exported.out == (site.deployed / "fullchain.pem").read_text()
    with serving(lambda: (site.deployed / "fullchain.pem", site.deployed / "privkey.pem")) as port:
        place = f"127.0.0.1:{port}?sni=example.test"
        checked = site.tic("cert", "check", name, "--at", place, code=1)
        assert "serves it, and it is revoked since" in checked.out
        assert f"put another in its place: tic cert renew site/site/{name}" in checked.err
        told = site.tic("cert", "check", name, "--at", place, "--json", code=1).json()
        assert (told[0]["served"], told[0]["revoked_at"]) == (True, listed(site)["revoked_at"])
    site.bind.accept(TsigKey(name="another"))
    failed = site.tic("cert", "renew", name, code=1)
    assert "what is deployed stays, and is revoked since" in failed.err
    assert "valid until" not in failed.err
    assert "failed:       once, at " in site.tic("cert", "show", name).out
    assert listed(site)["status"] == "revoked"
    waiting = site.tic("cert", "renew", "--due")
    assert "is revoked since" in waiting.err
    assert "it is tried again at" in waiting.err
    site.bind.accept(site.key)
    site.tic("cert", "renew", name)
    assert deployed(site) != before
    assert listed(site)["status"] == "valid"


def test_a_revocation_that_the_ca_does_not_hear_says_how_to_revoke(site: World) -> None:
    site.tic("stack", "up", "site")
    name = str(listed(site)["name"])
    site.pebble.process.kill()
    failed = site.tic("cert", "revoke", name, "--reason", "superseded", "--yes", code=1)
    assert f"site/site/{name} is not revoked: could not read" in failed.err
    assert f"then: tic cert revoke site/site/{name} --reason superseded" in failed.err
    assert "tic stack up" not in failed.err
    assert listed(site)["status"] == "valid"


def test_where_its_account_is_gone_the_certificate_is_revoked_by_its_own_key(
    site: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RFC 8555 7.6."""
    site.tic("stack", "up", "site")
    name = str(listed(site)["name"])
    monkeypatch.setenv("TIC_HOME", str(site.tic.home))
    installation = Installation.find()
    account = opened(installation, chosen(installation, name), "revoke").account
    with Authorities().talk(Access.of(account)) as talk:
        talk.post(account["accountUri"], {"status": "deactivated"}, "deactivate the account")
    site.tic("cert", "revoke", name, "--yes")
    assert site.pebble.status(int(deployed(site), 16)) == "Revoked"
    assert listed(site)["status"] == "revoked"


def test_what_failed_and_what_to_do_are_told_apart(site: World) -> None:
    site.tic("stack", "up", "site")
    name = str(listed(site)["name"])
    site.bind.accept(TsigKey(name="another"))
    failed = site.tic("cert", "renew", name, "--force", code=1)
    problem = str(listed(site)["problem"])
    assert "next:" not in problem
    assert f"{name} was not renewed: {problem}"[:200] in failed.err
    assert f"tic cert renew site/site/{name}" in failed.err.rpartition("next: ")[2]


def test_a_project_that_is_gone_is_no_failed_renewal(site: World, tmp_path: Path) -> None:
    """It is said at each run what is to be done, and nothing waits longer for it."""
    site.tic("stack", "up", "site")
    name = str(listed(site)["name"])
    project = next(each.parent for each in site.folder.rglob("Pulumi.yaml"))
    moved = project.rename(tmp_path / "moved")
    site.folder.mkdir(exist_ok=True)
    refused = site.tic("cert", "renew", name, "--force", code=1)
    assert "which is gone" in refused.err
    assert f"cd FOLDER && tic stack preview; then: tic cert renew site/site/{name}" in refused.err
    assert (listed(site)["failures"], listed(site)["status"]) == (0, "due")
    moved.rename(project)
    assert "is renewed" in site.tic("cert", "renew", name).err


def test_an_export_is_whole_private_and_in_the_audit_log(site: World) -> None:
    """E4."""
    site.tic("stack", "up", "site")
    name = str(listed(site)["name"])
    assert site.tic("cert", "export", name).out == (site.deployed / "fullchain.pem").read_text()
    site.tic("cert", "export", name, "--to", "out")
    folder = site.folder / "out"
    key = load_pem_private_key((folder / "privkey.pem").read_bytes(), None)
    leaf = x509.load_pem_x509_certificate((folder / "cert.pem").read_bytes())
    assert key.public_key() == leaf.public_key()
    assert stat.S_IMODE((folder / "privkey.pem").stat().st_mode) == 0o600
    assert "certificate.export" in site.tic("audit", "list").out
    assert "--to names no directory" in site.tic("cert", "export", name, "--to", "", code=2).err
    refused = site.tic("cert", "export", name, "--to", "out", code=3)
    assert "are in out already, so nothing was written" in refused.err
    (folder / "fullchain.pem").unlink()
    (folder / "fullchain.pem").mkdir()
    (folder / "privkey.pem").write_text("precious")
    assert (
        "is a directory, so nothing" in site.tic("cert", "export", name, "--to", "out", "--force", code=2).err
    )
    assert (folder / "privkey.pem").read_text() == "precious"
    (folder / "fullchain.pem").rmdir()
    site.tic("cert", "export", name, "--to", "out", "--force")
    assert load_pem_private_key((folder / "privkey.pem").read_bytes(), None).public_key() == leaf.public_key()
    (site.folder / "file").write_text("")
    assert "is no directory" in site.tic("cert", "export", name, "--to", "file", code=2).err
    assert "was not written" in site.tic("cert", "export", name, "--to", "file/x", code=2).err


def test_what_is_served_is_compared_with_what_was_issued(site: World) -> None:
    """E3."""
    site.tic("stack", "up", "site")
    name = str(listed(site)["name"])
    chain, key = site.deployed / "fullchain.pem", site.deployed / "privkey.pem"
    old = site.folder / "old"
    shutil.copytree(site.deployed, old)
    shown = [site.deployed]
    with serving(lambda: (shown[0] / chain.name, shown[0] / key.name)) as port:
        place = f"127.0.0.1:{port}?sni=example.test"
        good = site.tic("cert", "check", name, "--at", place)
        assert "serves it, valid until" in good.out
        site.tic("cert", "renew", name, "--force")
        shown[0] = old
        bad = site.tic("cert", "check", name, "--at", place, "--json", code=1).json()
        assert bad[0]["served"] is False
        assert "serves another certificate" in bad[0]["addresses"][0]["message"]
        shown[0] = site.deployed
        site.tic("cert", "check", name, "--at", place)
    nobody = site.tic("cert", "check", "--all", code=1)
    assert "example.test:443" in nobody.out
    assert "do not serve what was issued" in nobody.err
    assert "names no host" in site.tic("cert", "check", name, "--at", "a b", code=2).err

"""A certificate in a folder, the command that lets a server read it, and the place where it is served."""

import json
from pathlib import Path

import pytest

from tests.e2e.world import World
from tests.stacks.serving.servers import serving

pytestmark = pytest.mark.server


def test_a_command_that_failed_is_run_again_and_what_it_serves_is_waited_for(
    site: World, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """E2, E3. The first run fails after the files are there; the second needs no new certificate."""
    served = tmp_path_factory.mktemp("server")
    program = served / "reload"
    program.write_text(f"#!/bin/sh\ntest -e {served}/ready || exit 3\ncp *.pem {served}/\n")
    program.chmod(0o700)
    files = (served / "fullchain.pem", served / "privkey.pem")
    with serving(lambda: files) as port:
        place = f"127.0.0.1:{port}?sni=example.test"
        settings = next(site.folder.rglob("Pulumi.site.yaml"))
        text = settings.read_text().rstrip("\n")
        text += (
            f"\n  site:deployCommand: {json.dumps([str(program)])}\n  site:endpoints: {json.dumps([place])}\n"
        )
        settings.write_text(text)
        failed = site.tic("stack", "up", "site", code=1)
        assert "the certificate is in" in failed.err, failed.err
        assert "ended with code 3" in failed.err
        serial = serial_of(site)
        Path(served / "ready").touch()
        done = site.tic("stack", "up", "site")
        assert serial_of(site) == serial
        assert "Endpoint" in done.err
        again = site.tic("stack", "up", "site")
        assert "updated" not in again.err
        assert "serves it" in site.tic("cert", "check", "--all").out
        (served / "fullchain.pem").write_text((site.deployed / "cert.pem").read_text())
        drift = site.tic("stack", "refresh", "site")
        assert "Endpoint" in drift.err
        assert "without 1 of the 1" in site.tic("cert", "check", "--all", code=1).out
    site.tic("stack", "destroy", "site", "--yes")
    assert not site.deployed.exists()


def test_a_renewal_whose_deployment_fails_is_not_forgotten(
    site: World, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The certificate is there, the server has not read it: it is failing, and the next one only deploys."""
    served = tmp_path_factory.mktemp("server")
    program = served / "reload"
    program.write_text(
        f"#!/bin/sh\ntest -e {served}/ready || exit 3\ncp *.pem {served}/\ntouch {served}/done\n"
    )
    program.chmod(0o700)
    (served / "ready").touch()
    files = (served / "fullchain.pem", served / "privkey.pem")
    with serving(lambda: files) as port:
        site.tic("stack", "config", "set", "deployCommand", json.dumps([str(program)]))
        place = f"127.0.0.1:{port}?sni=example.test"
        site.tic("stack", "config", "set", "endpoints", json.dumps([place]))
        site.tic("stack", "up", "site")
        renew_without_deploying(site, served, place)


def test_what_follows_a_deployment_is_not_left_out_where_there_is_none(site: World) -> None:
    site.tic("stack", "config", "set", "deployDirectory", "")
    for setting in ("deployCommand", "endpoints"):
        site.tic("stack", "config", "set", setting, json.dumps(["/bin/true"]))
        refused = site.tic("stack", "preview", "site", code=1)
        assert f"the setting {setting} is for what deployDirectory holds, which is not set" in refused.err
        site.tic("stack", "config", "set", setting, "[]")


def renew_without_deploying(site: World, served: Path, place: str) -> None:
    old = serial_of(site)
    (served / "ready").unlink()
    (served / "done").unlink()
    failed = site.tic("cert", "renew", "certificate", "--force", code=1)
    assert "is there, and what depends on it is not done" in failed.err
    (one,) = site.tic("cert", "list", "--json").json()
    assert (one["status"], one["failures"], one["epoch"]) == ("failing", 1, 2)
    assert "ended with code 3" in one["problem"]
    serial = serial_of(site)
    (looked,) = site.tic("cert", "check", "--all", "--json", code=1).json()
    assert (looked["endpoint"], looked["declared"]) == (place, True)
    assert [each["serial"] for each in looked["addresses"]] == [old]
    (served / "ready").touch()
    assert "is renewed" in site.tic("cert", "renew", "certificate").err
    assert (served / "done").exists()
    assert serial_of(site) == serial
    (after,) = site.tic("cert", "list", "--json").json()
    assert (after["status"], after["failures"], after["problem"]) == ("valid", 0, None)


def serial_of(site: World) -> str:
    (one,) = site.tic("cert", "list", "--json").json()
    return str(one["serial"])

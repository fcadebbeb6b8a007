"""B10: what a run does with its stack's credentials is in the audit log, which stays whole."""

import json
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.e2e.command import Tic
from tests.e2e.world import World
from tests.servers.postgres import Postgres

pytestmark = pytest.mark.server


def told(tic: Tic, *words: str) -> list[tuple[str, str, str | None, str | None]]:
    """Action, outcome, name and purpose of the entries."""
    listed = tic("audit", "list", "--json", *words).json()
    return [(one["action"], one["outcome"], one["name"], one["purpose"]) for one in listed]


def test_each_opening_of_a_run_is_told_with_its_stack(site: World) -> None:
    (stack,) = [one["stack"] for one in site.tic("stack", "list", "--json").json()]
    site.tic("stack", "up", "site")
    opened = told(site.tic, "--stack", stack, "--action", "credential.open")
    assert opened
    assert {(outcome, name) for _, outcome, name, _ in opened} == {("done", "dns")}
    assert f"up {stack}" in {purpose for *_, purpose in opened}
    site.tic("stack", "destroy", "site", "--yes")
    actions = [action for action, *_ in told(site.tic, "--stack", stack)]
    assert actions[0] in ("stack.new", "binding.set")
    assert "binding.release" in actions
    assert "whole" in site.tic("audit", "verify").out
    assert site.key.secret not in site.tic("audit", "export").out


def test_a_log_on_postgresql_shows_tampering_too(
    tmp_path: Path, shared_postgres: Postgres, empty_postgres_url: str
) -> None:
    tic = Tic(tmp_path / "home", tmp_path, {"TIC_DATABASE_URL": empty_postgres_url})
    fields = json.dumps({"secret-id": "an-id", "secret-key": "a-key"})
    tic("vault", "init")
    for name in ("prod", "spare"):
        tic("creds", "new", name, "--provider", "tencentcloud", "--secrets-from", "-", stdin=fields)
    tic("creds", "exec", "prod", "--", "true")
    assert told(tic, "--action", "credential", "--since", "1h", "--limit", "2") == [
        ("credential.new", "done", "spare", None),
        ("credential.open", "done", "prod", "exec true"),
    ]
    assert told(tic, "--stack", "prod") == []
    whole = tic("audit", "verify", "--json").json()
    assert (whole["whole"], whole["entries"]) == (True, 4)
    text = tic("audit", "export", "--since", "1h").out
    verified = tic("audit", "verify", "-", "--public-key", whole["public_key"], stdin=text)
    assert "entries 1 to 4" in verified.out
    database = urlsplit(empty_postgres_url).path.removeprefix("/")
    shared_postgres.run("DELETE FROM audit WHERE seq = 3", database=database)
    damaged = tic("audit", "verify", code=5)
    assert damaged.out.splitlines()[1].split(maxsplit=1) == ["4", "what comes before it is missing: 3"]

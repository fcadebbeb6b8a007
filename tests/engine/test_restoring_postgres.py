"""What SQLite gave PostgreSQL takes, and the other way round; a kill can't leave half of it."""

from pathlib import Path

import pytest

from engine import restoring
from engine.backup import make
from engine.checkup import Check
from engine.database import Database
from engine.home import Home
from engine.keeping_aside import BACKUP_NAME, ROWS_NAME, CantKeepAside
from engine.restoring import RestoreRefused, restore
from engine.vault_checkup import examine
from tests.engine.vaults import Kept, full

pytestmark = pytest.mark.server


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    return full(tmp_path / "home")


def backed_up(kept: Kept, path: Path) -> Path:
    installation = kept.installation()
    made = make(installation.database, installation.vault.ledger, path)
    installation.database.close()
    return made.path


def team(kept: Kept, tmp_path: Path, url: str) -> Kept:
    """A home with the same key, whose database is PostgreSQL."""
    home = Home(tmp_path / "team", tmp_path / "cache", url)
    home.make()
    home.key_file.write_bytes(kept.home.key_file.read_bytes())
    home.key_file.chmod(0o600)
    return Kept(home, dict(kept.sealed))


def test_a_vault_moves_to_a_server_and_back(kept: Kept, tmp_path: Path, empty_postgres_url: str) -> None:
    server = team(kept, tmp_path, empty_postgres_url)
    assert restore(server.home, backed_up(kept, tmp_path / "one")).aside is None
    server.opens()
    assert server.wrong() == []
    installation = server.installation()
    sealed = installation.vault.seal("stack:3", b"of the server")
    with installation.database.write() as connection:  # ids go on after those that came over
        new = connection.exec_driver_sql(
            "INSERT INTO stack (org, project, name, folder, version, tags, created_at)"
            " VALUES ('o', 'p', 'n', '', 0, '{}', 1.0) RETURNING id"
        )
        assert new.scalar_one() == 3
        connection.exec_driver_sql("DELETE FROM stack WHERE name = 'n'")
    installation.database.close()
    restore(kept.home, backed_up(server, tmp_path / "two"), force=True)
    kept.opens()
    assert kept.wrong() == []
    assert kept.installation().vault.unseal("stack:3", sealed) == b"of the server"


def test_what_a_server_held_is_kept_as_a_backup(kept: Kept, tmp_path: Path, postgres_url: str) -> None:
    server, file = team(kept, tmp_path, postgres_url), backed_up(kept, tmp_path / "one")
    restore(server.home, file)
    installation = server.installation()
    installation.vault.rotate("web", {"password": "of the server"})
    installation.database.close()
    with pytest.raises(RestoreRefused, match="postgresql://tic@"):
        restore(server.home, file)
    done = restore(server.home, file, force=True)
    server.opens()
    assert done.aside is not None
    restore(server.home, done.aside / BACKUP_NAME, force=True)
    opened = server.installation().vault.opened("web", purpose="a test")
    assert opened.fields["password"].reveal() == b"of the server"
    assert server.wrong() == []


def test_what_cant_be_kept_is_not_replaced(kept: Kept, tmp_path: Path, postgres_url: str) -> None:
    server, file = team(kept, tmp_path, postgres_url), backed_up(kept, tmp_path / "one")
    restore(server.home, file)
    database = Database.open(server.home)
    with database.write() as connection:
        connection.exec_driver_sql("UPDATE credential SET scope = 'all'")
    with pytest.raises(CantKeepAside, match="changed by something else than tic"):
        restore(server.home, file, force=True)


def test_what_ends_in_the_middle_leaves_what_was_there(
    kept: Kept, tmp_path: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    server, file = team(kept, tmp_path, postgres_url), backed_up(kept, tmp_path / "one")
    restore(server.home, file)
    monkeypatch.setattr(restoring, "copy", stop)
    with pytest.raises(KeyboardInterrupt):
        restore(server.home, file, force=True)
    server.opens()


def test_a_server_whose_vault_is_gone_is_replaced_and_its_rows_are_kept(
    kept: Kept, tmp_path: Path, postgres_url: str
) -> None:
    server, file = team(kept, tmp_path, postgres_url), backed_up(kept, tmp_path / "one")
    restore(server.home, file)
    database = Database.open(server.home)
    with database.write() as connection:
        connection.exec_driver_sql("DELETE FROM vault")
    database.close()
    with pytest.raises(RestoreRefused, match="there is a vault"):
        restore(server.home, file)
    done = restore(server.home, file, force=True)
    server.opens()
    assert server.wrong() == []
    assert done.aside is not None
    rows = done.aside / ROWS_NAME
    assert rows.stat().st_mode & 0o777 == 0o600
    assert b'"table":"credential"' in rows.read_bytes()
    for secret in (b"key-of-prod", b"password-of-web"):
        assert secret not in rows.read_bytes()


def test_who_else_may_read_the_tables_is_told(kept: Kept, tmp_path: Path, postgres_url: str) -> None:
    server, file = team(kept, tmp_path, postgres_url), backed_up(kept, tmp_path / "one")
    restore(server.home, file)
    assert _database(server).detail.endswith(", closed to others")
    database = Database.open(server.home)
    with database.write() as connection:
        connection.exec_driver_sql("GRANT SELECT ON stack TO pg_monitor")
    assert _database(server).detail.endswith(", readable for pg_monitor too")
    with database.write() as connection:
        connection.exec_driver_sql("GRANT SELECT ON audit TO PUBLIC")
    database.close()
    wrong = _database(server)
    assert not wrong.ok
    assert "every user of the server may read tables of postgresql://tic@" in wrong.detail
    assert "REVOKE ALL ON ALL TABLES" in wrong.remedy


def _database(server: Kept) -> Check:
    return next(check for check in examine(server.home) if check.name == "database")

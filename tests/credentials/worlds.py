"""A vault on a real SQLite file, and stacks as a table with the foreign key that the engine's has."""

import atexit
import builtins
import shutil
import tempfile
from functools import cache
from pathlib import Path

from sqlalchemy import Connection

from credentials.credential import RoleState
from credentials.digest import Table
from credentials.roles.role import Role, Session, Source
from credentials.scopes import Place, admits
from credentials.vault import Vault
from engine.database import Database
from engine.home import Home

KEYS = {"secret-id": "an-id", "secret-key": "a-key"}


class Stacks:
    """Which stack uses which credential: `Usage` on a table `uses` whose foreign key refuses deletion."""

    def stacks_using(self, connection: Connection, credential_id: int) -> list[str]:
        return self.by_credential(connection).get(credential_id, [])

    def by_credential(self, connection: Connection) -> dict[int, list[str]]:
        used: dict[int, list[str]] = {}
        for stack, credential_id in connection.exec_driver_sql(
            "SELECT stack, credential_id FROM uses ORDER BY 1"
        ):
            used.setdefault(credential_id, []).append(stack)
        return used

    def stacks_by_role(self, connection: Connection, provider: str) -> list[str]:
        query = "SELECT stack FROM uses_role WHERE provider = ? ORDER BY 1"
        return list(connection.exec_driver_sql(query, (provider,)).scalars())

    def stacks_outside(self, connection: Connection, credential_id: int, scope: str) -> list[str]:
        used = self.stacks_using(connection, credential_id)
        return [stack for stack in used if not admits(scope, Place(stack.partition("/")[0]))]

    def fall_back_to_role(self, connection: Connection, credential_id: int, provider: str) -> None:
        connection.exec_driver_sql(
            "INSERT INTO uses_role SELECT stack, ? FROM uses WHERE credential_id = ?",
            (provider, credential_id),
        )
        connection.exec_driver_sql("DELETE FROM uses WHERE credential_id = ?", (credential_id,))

    def guarded(self, connection: Connection) -> list[Table]:
        return []


class NoStacks(Stacks):
    """Sees no stack, as one that looked before another process bound the credential."""

    def by_credential(self, connection: Connection) -> dict[int, list[str]]:
        return {}


class World:
    """A home with a vault; `database` is open, `vault` is in it."""

    def __init__(self, root: Path, *, usage: Stacks | None = None) -> None:
        self.home = Home(root / "home", root / "cache")
        self.home.make()
        shutil.copy(_migrated(), self.home.database)
        self.database = Database.open(self.home)
        self.usage = usage or Stacks()
        self.vault = Vault.create(self.database, self.home.root, usage=self.usage)

    def reopened(self, usage: Stacks | None = None) -> Vault:
        """The vault as another process finds it."""
        return Vault.open(self.database, self.home.root, usage=usage or self.usage)

    def use(self, stack: str, reference: str) -> None:
        """Bind a credential to a stack."""
        self.sql("INSERT INTO uses VALUES (?, ?)", stack, self.vault.find(reference).id)

    def destroy(self, stack: str) -> None:
        """Free the stack's credentials."""
        self.sql("DELETE FROM uses WHERE stack = ?", stack)
        self.sql("DELETE FROM uses_role WHERE stack = ?", stack)

    def served_by_role(self, provider: str) -> list[str]:
        """The stacks that the provider's role serves."""
        with self.database.read() as connection:
            return self.usage.stacks_by_role(connection, provider)

    def set_role(self, provider: str, state: RoleState) -> None:
        """Link a role, switch it, or take it away."""
        set_role(self.vault, provider, state)

    def sql(self, statement: str, *values: object) -> None:
        """Change the database behind the vault's back."""
        with self.database.write() as connection:
            connection.exec_driver_sql(statement, values)

    def copied(self) -> builtins.bytes:
        """The whole database, as a backup by hand takes it."""
        self.database.close()
        return self.home.database.read_bytes()

    def put_back(self, copy: builtins.bytes) -> None:
        """Replace the whole database, as somebody with a copy would."""
        self.database.close()
        for file in self.home.database_files:
            file.unlink(missing_ok=True)
        self.home.database.write_bytes(copy)
        self.home.database.chmod(0o600)

    def bytes(self) -> bytes:
        """Everything that the home holds on disk, the write-ahead log included."""
        return b"".join(path.read_bytes() for path in sorted(self.home.root.iterdir()))

    def close(self) -> None:
        """Close the database."""
        self.database.close()


def set_role(vault: Vault, provider: str, state: RoleState) -> None:
    """Bring the provider's role to a state, on the way that leads there."""
    linked = vault.linked
    if state is RoleState.DISABLED:
        if vault.role(provider) is not RoleState.DISABLED:
            linked.unlink(provider)
        return
    if state is RoleState.AUTHORIZING or vault.role(provider) is RoleState.DISABLED:
        linked.link(Role(provider, "a-role", None, 3600, Source("metadata")))
    if state in (RoleState.ENABLED, RoleState.FAILED):
        linked.taken_on(linked.find(provider), Session({}, 0.0, "an-account", "a-principal"))
    if state is RoleState.FAILED:
        linked.not_taken_on(linked.find(provider), "the role does not exist")


@cache
def _migrated() -> Path:
    """An empty database at the newest schema, made once: running the migrations is slow."""
    root = Path(tempfile.mkdtemp(prefix="tic-test-"))
    atexit.register(shutil.rmtree, root)
    home = Home(root / "home", root / "cache")
    database = Database.open(home, create=True)
    with database.write() as connection:
        connection.exec_driver_sql(
            "CREATE TABLE uses (stack TEXT,"
            " credential_id INTEGER REFERENCES credential (id) ON DELETE RESTRICT)"
        )
        connection.exec_driver_sql(
            "CREATE TABLE uses_role (stack TEXT,"
            " provider TEXT REFERENCES linked_role (provider) ON DELETE RESTRICT)"
        )
    database.close()
    return home.database

"""A home with everything that a vault's tables can hold: files that a test may copy, change and look into."""

import atexit
import shutil
import tempfile
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from credentials.credential import RoleState, Use
from credentials.scopes import Place
from credentials.vault import Vault
from engine import bindings
from engine.bindings import Usage
from engine.checkup import Check
from engine.database import Database
from engine.home import Home
from engine.installation import Installation
from engine.state import stacks
from engine.vault_checkup import examine
from tests.credentials.worlds import set_role

SECRETS = {
    "prod": {"secret-id": "id-of-prod", "secret-key": "key-of-prod"},
    "next": {"secret-id": "id-of-next", "secret-key": "key-of-next", "region": "ap-guangzhou"},
    "web": {"username": "me", "password": "password-of-web"},
    "local": {"username": "you", "password": "password-of-local"},
}
KINDS = {
    "prod": "tencentcloud",
    "next": "tencentcloud",
    "web": "username-password",
    "local": "username-password",
}
SITE = Place("site")
OUTSIDE = {"stack:1": b"a secret in a state", "stack:2": b"another one"}


@dataclass
class Kept:
    """A home; `sealed` is what its vault has sealed for elsewhere, by context."""

    home: Home
    sealed: dict[str, bytes] = field(default_factory=dict)

    def installation(self) -> Installation:
        """It as another process finds it."""
        return Installation(self.home)

    def copy(self, root: Path) -> "Kept":
        """The same files elsewhere."""
        shutil.copytree(self.home.root, root)
        root.chmod(0o700)
        return Kept(Home(root, self.home.cache), dict(self.sealed))

    def opens(self) -> None:
        """Every secret is what it was made with."""
        installation = self.installation()
        found = {view.credential.name for view in installation.vault.list()}
        assert found == set(SECRETS)
        for name, fields in SECRETS.items():
            opened = installation.vault.opened(name, purpose="a test", place=SITE).fields
            assert {each: opened[each].reveal().decode() for each in fields} == fields
        for context, sealed in self.sealed.items():
            assert installation.vault.unseal(context, sealed) == OUTSIDE[context]
        installation.database.close()

    def wrong(self) -> list[Check]:
        """What `tic vault doctor` finds."""
        return [check for check in examine(self.home) if not check.ok]


def fresh(root: Path) -> Home:
    """A home with a database at the newest schema, and no vault."""
    home = Home(root, root.with_name("cache"))
    home.make()
    shutil.copy(_migrated(), home.database)
    return home


def full(root: Path) -> Kept:
    """A home whose vault has credentials, versions, bindings, a role, leases and an audit log."""
    return Kept(_made().home, _made().sealed).copy(root)


def _older(fields: dict[str, str]) -> dict[str, str]:
    """What was in a credential before it was rotated."""
    return {name: value if name == "region" else f"old-{value}" for name, value in fields.items()}


@cache
def _migrated() -> Path:
    """Made once: running the migrations is slow."""
    root = Path(tempfile.mkdtemp(prefix="tic-test-"))
    atexit.register(shutil.rmtree, root)
    home = Home(root / "home", root / "cache")
    Database.open(home, create=True).close()
    return home.database


@cache
def _made() -> Kept:
    root = Path(tempfile.mkdtemp(prefix="tic-test-"))
    atexit.register(shutil.rmtree, root)
    home = fresh(root / "home")
    database = Database.open(home)
    vault = Vault.create(database, home.root, usage=Usage(), actor="me@here")
    for name, fields in SECRETS.items():
        scope = "project:site" if name == "local" else "all"
        vault.new(name, KINDS[name], _older(fields), scope=scope)
    with vault.change("stack.bind") as change:
        for name in ("dev", "live"):
            stack = stacks.create(change.connection, "site", name)
            bindings.bind(change.connection, stack.id, vault.find("prod").id, "tencentcloud")
    use = Use("a run", "up site/dev", "here", 1, 1.0)
    vault.opened("prod", purpose="up site/dev", use=use)
    for name, fields in SECRETS.items():
        vault.rotate(name, fields)  # prod keeps its first version, which is leased
    vault.opened("web", purpose="another test")
    set_role(vault, "alicloud", RoleState.ENABLED)
    sealed = {context: vault.seal(context, content) for context, content in OUTSIDE.items()}
    database.close()
    return Kept(home, sealed)

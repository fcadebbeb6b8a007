"""What one command of tic works with: the home, its database and its vault, opened when first asked for."""

from functools import cached_property
from typing import TYPE_CHECKING

from engine.actor import actor
from engine.database import Database, NoDatabase
from engine.home import Home

if TYPE_CHECKING:
    from credentials.vault import Vault


class Installation:
    """The one way from a command to the database and the vault of a home."""

    def __init__(self, home: Home) -> None:
        self.home = home

    @classmethod
    def find(cls) -> "Installation":
        """The installation that `TIC_HOME` or the platform names; opens nothing yet."""
        return cls(Home.find())

    @property
    def is_made(self) -> bool:
        """Whether there is a database of tic's; whether it can be used shows when it is opened."""
        if self.home.database_url is None:
            return self.home.database.exists()
        try:
            return bool(self.database)
        except NoDatabase:
            return False

    @cached_property
    def database(self) -> Database:
        """The open database; raises NoDatabase where there is none."""
        return Database.open(self.home)

    @cached_property
    def vault(self) -> "Vault":
        """The vault; its key is read when something is first sealed or opened."""
        from credentials.vault import Vault
        from engine.bindings import Usage

        return Vault.open(self.database, self.home.root, usage=Usage(), actor=actor())

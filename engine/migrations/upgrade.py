"""Bring a database to the newest schema; Alembic is slow to import, so only then is this."""

from pathlib import Path

from alembic import command
from alembic.config import Config

from engine.storage import Storage


def upgrade(storage: Storage, revision: str = "head") -> None:
    """Run the revisions that are missing up to this one, in one transaction that holds the write lock.

    Of several processes at once one does it; the others wait, and find it done.
    """
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    with storage.engine.connect() as connection:
        storage.begin_writing(connection)
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
        storage.finish_schema(connection)
        storage.commit(connection)

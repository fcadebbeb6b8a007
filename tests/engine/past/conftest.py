"""The state service's database, for what reads it."""

from tests.engine.state.conftest import connection, database, sealing

__all__ = ["connection", "database", "sealing"]

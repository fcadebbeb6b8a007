"""The schema's history, one Alembic revision a file; a revision's id is its file's stem, so ids sort."""

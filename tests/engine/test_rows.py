"""The tables that statements name are the tables that the migrations make."""

from engine import bindings, challenge_notes
from engine.binding_rows import BindingRow
from engine.challenge_rows import ChallengeRow


def test_the_columns_of_challenge_notes_are_those_of_their_row() -> None:
    assert list(challenge_notes.COLUMNS) == [
        column.name for column in ChallengeRow.metadata.tables["challenge"].columns
    ]


def test_the_columns_of_bindings_are_those_of_their_row() -> None:
    assert [column.name for column in bindings._binding.columns] == [
        column.name for column in BindingRow.metadata.tables["binding"].columns
    ]
